//! What `/proc` tells of processes and of the machine: whose child a process is, and the CPU time of all.

use std::fs;
use std::time::Duration;

use crate::Fallible;

/// A process that runs, or that has ended and was not waited for yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) name: String,
    parent: u32,
    /// Ticks of the kernel's clock that it took, and that its children took which it has waited for.
    pub(crate) user: u64,
    pub(crate) system: u64,
    ended: u64,
}

impl Process {
    /// Everything that `/proc/ID/stat` says of a process and is needed here.
    pub(crate) fn of(id: u32) -> Fallible<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
        Self::parse(id, &stat).ok_or_else(|| "a process's stat is not understood".into())
    }

    fn parse(id: u32, stat: &str) -> Option<Self> {
        // The program's name is in brackets and may hold anything.
        let (start, fields) = stat.rsplit_once(')')?;
        let (_, name) = start.split_once('(')?;
        let fields: Vec<_> = fields.split_whitespace().collect();
        let field = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Self {
            id,
            name: name.to_owned(),
            parent: u32::try_from(field(1)?).ok()?,
            user: field(11)?,
            system: field(12)?,
            ended: field(13)? + field(14)?,
        })
    }

    /// The CPU time of all its threads.
    pub(crate) fn cpu(&self) -> Fallible<Duration> {
        let mut nanoseconds = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.id))? {
            // A thread may end meanwhile; idle ones have hardly any time.
            let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }
}

/// This process and all that come of it.
pub(crate) fn ours() -> Fallible<Vec<Process>> {
    let mut others = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let id = name.to_str().and_then(|name| name.parse().ok());
        // It may have ended meanwhile.
        others.extend(id.and_then(|id| Process::of(id).ok()));
    }
    Ok(family(std::process::id(), others))
}

/// The process with this id, its children and theirs.
fn family(id: u32, mut others: Vec<Process>) -> Vec<Process> {
    let mut family: Vec<_> = others.extract_if(.., |process| process.id == id).collect();
    let mut at = 0;
    while let Some(parent) = family.get(at).map(|process| process.id) {
        family.extend(others.extract_if(.., |process| process.parent == parent));
        at += 1;
    }
    family
}

/// Ticks of the kernel's clock, on all processors together, until some moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks {
    /// That there were.
    all: u64,
    /// In which a program ran, or another machine on the same processors.
    busy: u64,
    /// In which a process of ours ran.
    ours: u64,
}

impl Ticks {
    /// Until now.
    pub(crate) fn now() -> Fallible<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let (all, busy) = all_and_busy(&stat).ok_or("/proc/stat is not understood")?;
        let ours = ours()?.iter().map(|of| of.user + of.system + of.ended).sum();
        Ok(Self { all, busy, ours })
    }

    /// The share of the machine that others took since an earlier moment.
    pub(crate) fn taken_by_others_since(self, before: Self) -> f64 {
        let of = |value: fn(&Self) -> u64| value(&self).saturating_sub(value(&before)) as f64;
        let others = of(|ticks| ticks.busy) - of(|ticks| ticks.ours);
        others.max(0.0) / of(|ticks| ticks.all).max(1.0)
    }
}

fn all_and_busy(stat: &str) -> Option<(u64, u64)> {
    // user nice system idle iowait irq softirq steal, and guests, which are part of user.
    let cpu = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> =
        cpu.split_whitespace().take(8).map_while(|word| word.parse().ok()).collect();
    let all = ticks.iter().sum::<u64>();
    Some((all, all - ticks.get(3)? - ticks.get(4)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_have_brackets_and_spaces_in_its_name() {
        let stat = "7 (a) b (c) S 3 7 7 0 -1 0 0 0 0 0 11 12 13 14 20 0 1";
        let process = Process::parse(7, stat);
        let name = "a) b (c".to_owned();
        let expected = Process { id: 7, name, parent: 3, user: 11, system: 12, ended: 27 };
        assert_eq!(process, Some(expected));
        assert_eq!(Process::parse(7, "7 (cut) S 3"), None);
    }

    #[test]
    fn children_of_children_are_family() {
        let process =
            |id, parent| Process { id, name: String::new(), parent, user: 0, system: 0, ended: 0 };
        let all = vec![process(9, 8), process(1, 0), process(8, 5), process(5, 1), process(6, 1)];
        let ids: Vec<_> = family(5, all).iter().map(|process| process.id).collect();
        assert_eq!(ids, [5, 8, 9]);
    }

    #[test]
    fn waiting_and_idle_processors_are_not_busy() {
        assert_eq!(all_and_busy("cpu  1 2 4 800 16 32 64 128 5 5\ncpu0 …"), Some((1047, 231)));
        let ticks = |all, busy, ours| Ticks { all, busy, ours };
        let share = ticks(1100, 600, 350).taken_by_others_since(ticks(100, 100, 100));
        assert!((share - 0.25).abs() < 1e-9, "{share}");
    }

    #[test]
    fn this_process_is_ours_and_takes_time() {
        let ours = ours().expect("there is /proc");
        assert_eq!(ours.first().map(|process| process.id), Some(std::process::id()));
        assert!(ours[0].cpu().expect("it runs") > Duration::ZERO);
    }
}
