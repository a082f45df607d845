use std::process::Command;

use handstamp::SessionStore;

use crate::support::{DATABASE, Folder, child, id, living, put, record};

#[tokio::test]
async fn a_full_disk_refuses_writes_and_loses_nothing() {
    let folder = Folder::new();
    folder.open();
    // The shell limits how large a file may get: writes fail in the same place as on a full disk.
    let limited = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -f 1000; exec "$0" "$@""#])
        .arg(child())
        .arg("fills-the-disk")
        .env(DATABASE, folder.database())
        .output()
        .unwrap();
    assert!(limited.status.success(), "{}", String::from_utf8_lossy(&limited.stderr));

    // There is space again.
    let output = String::from_utf8(limited.stdout).unwrap();
    let written: usize =
        output.split_once("SAID ").unwrap().1.lines().next().unwrap().parse().unwrap();
    assert!(written > 10, "{written}");
    let store = folder.open();
    for n in 0..written {
        living(&store, &id(&format!("s{n}"))).await;
    }
    assert!(store.load(&id(&format!("s{written}"))).await.unwrap().is_none());
    put(&store, &id("large"), &record("x".repeat(1 << 20))).await;
}
