//! A target as a process of its own, the connections to it, and the CPU time it takes.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Fallible;
use crate::database::Database;
use crate::processes::Process;
use crate::programs::{Programs, Target};

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// Starts a target, which keeps its sessions on its database, or in files in the folder.
    pub(crate) fn start(
        programs: &Programs,
        target: Target,
        folder: &Path,
        database: Option<&Database>,
    ) -> Fallible<Self> {
        let place = database.map_or_else(|| folder.display().to_string(), Database::url);
        let mut process = Command::new(programs.of(target))
            .args(["serve", target.name, &place])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let port = line.trim().parse();
        Ok(Self { process, port: port.map_err(|_| format!("{} did not start", target.name))? })
    }

    /// The CPU time of all its threads, in the user's and in the system's name.
    pub(crate) fn cpu(&self) -> Fallible<Cpu> {
        let process = Process::of(self.process.id())?;
        Ok(Cpu { all: process.cpu()?, user: process.user, system: process.system })
    }

    /// Opens a connection, which stays open.
    pub(crate) fn connect(&self) -> Fallible<Connection> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Connection { stream, answer: Vec::with_capacity(1024), cookies: VecDeque::new() })
    }
}

/// CPU time until some moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpu {
    all: Duration,
    /// Ticks of the kernel's clock, which samples: they tell how the time is shared out.
    user: u64,
    system: u64,
}

impl Cpu {
    /// How much came after an earlier moment, and how much of it in the system's name.
    pub(crate) fn since(self, before: Self) -> (Duration, Duration) {
        let all = self.all.saturating_sub(before.all);
        let (user, system) = (self.user - before.user, self.system - before.system);
        (all, all.mul_f64(system as f64 / (user + system).max(1) as f64))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends by itself when its input does; this is for one that hangs.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A browser that asks for one thing at a time, as fast as it is answered.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
    /// Of its sessions; the first is the one it is in.
    cookies: VecDeque<String>,
}

impl Connection {
    /// Begins a session with a document of so many bytes and makes sure that it counts.
    pub(crate) fn begin(&mut self, bytes: usize) -> Fallible<()> {
        self.fill(bytes)?;
        for (path, expected) in [("/read", 0), ("/write", 1), ("/write", 2), ("/read", 2)] {
            let count = self.count(path)?;
            if count != expected {
                return Err(format!("{path} answered {count} instead of {expected}").into());
            }
        }
        Ok(())
    }

    /// Begins one more session with such a document, and is in that one now.
    pub(crate) fn fill(&mut self, bytes: usize) -> Fallible<()> {
        self.cookies.push_front(String::new());
        self.get(&format!("/fill/{bytes}"))?;
        let head = String::from_utf8_lossy(&self.answer).into_owned();
        let set = head.lines().filter_map(|line| line.split_once(": "));
        let set = set.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        self.cookies[0] = kit::cookie(set.map(|(_, value)| value));
        Ok(())
    }

    /// Goes on with the next of its sessions, if it has more than one.
    pub(crate) fn turn(&mut self) {
        if self.cookies.len() > 1 {
            self.cookies.rotate_left(1);
        }
    }

    /// Another connection's sessions.
    pub(crate) fn share(&mut self, other: &Self) {
        self.cookies.clone_from(&other.cookies);
    }

    /// Asks for a route and returns the count that it answers.
    pub(crate) fn count(&mut self, path: &str) -> Fallible<u64> {
        let body = self.get(path)?;
        Ok(std::str::from_utf8(body)?.parse()?)
    }

    /// Asks for a route and returns the body.
    pub(crate) fn get(&mut self, path: &str) -> Fallible<&[u8]> {
        let cookie = self.cookies.front().map_or("", String::as_str);
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\n\r\n");
        self.stream.write_all(request.as_bytes())?;
        self.answer.clear();
        let start = loop {
            self.receive()?;
            if let Some(end) = self.answer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let head = std::str::from_utf8(&self.answer[..start])?;
        if !head.starts_with("HTTP/1.1 200") {
            let status = head.lines().next().unwrap_or_default();
            return Err(format!("{path} answered {status}").into());
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let end = start + length.ok_or("an answer without a length")?.parse::<usize>()?;
        while self.answer.len() < end {
            self.receive()?;
        }
        Ok(&self.answer[start..end])
    }

    fn receive(&mut self) -> Fallible<()> {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer)? {
            0 => Err("the server closed the connection".into()),
            read => {
                self.answer.extend_from_slice(&buffer[..read]);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_shared_out_as_the_ticks_are() {
        let cpu = |millis, user, system| Cpu { all: Duration::from_millis(millis), user, system };
        let (all, system) = cpu(1100, 35, 85).since(cpu(100, 10, 10));
        assert_eq!([all, system].map(|time| time.as_millis()), [1000, 750]);
        let none = cpu(100, 10, 10).since(cpu(100, 10, 10));
        assert_eq!(none, (Duration::ZERO, Duration::ZERO));
    }
}
