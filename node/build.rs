//! Links the addon as the platform wants it: its symbols come from the Node that loads it.

fn main() {
    napi_build::setup();
}
