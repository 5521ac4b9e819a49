use std::fs;
use std::io::Write;
use std::sync::mpsc;

use super::*;

const LONG: Duration = Duration::from_secs(20);

fn silent() -> Report {
    Box::new(|_| {})
}

fn put(queue: &Queue, line: &str) {
    queue.put(|buffer| {
        buffer.extend_from_slice(line.as_bytes());
        buffer.push(b'\n');
    });
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn every_line_arrives_whole_and_in_its_threads_order() {
    let memory = Memory::default();
    let queue = Queue::start("test", Sink::Stream(Box::new(memory.clone())), silent()).unwrap();
    thread::scope(|scope| {
        for thread in 0..8 {
            let queue = &queue;
            scope.spawn(move || (0..2_000).for_each(|line| put(queue, &format!("{thread} {line}"))));
        }
    });
    assert!(queue.flush(LONG));
    let text = String::from_utf8(memory.0.lock().clone()).unwrap();
    let mut next = [0; 8];
    for line in text.lines() {
        let (thread, line) = line.split_once(' ').unwrap();
        let expected = &mut next[thread.parse::<usize>().unwrap()];
        assert_eq!(line, expected.to_string());
        *expected += 1;
    }
    assert_eq!(next, [2_000; 8]);
    assert_eq!(queue.lost(), Lost::default());
}

#[test]
fn a_line_is_written_without_being_asked_for_and_the_rest_at_the_end() {
    let memory = Memory::default();
    let queue = Queue::start("test", Sink::Stream(Box::new(memory.clone())), silent()).unwrap();
    put(&queue, "one");
    let deadline = Instant::now() + LONG;
    while memory.0.lock().is_empty() {
        assert!(Instant::now() < deadline, "the line never came");
        thread::sleep(Duration::from_millis(1));
    }
    put(&queue, "two");
    drop(queue);
    while memory.0.lock().len() < 8 {
        assert!(Instant::now() < deadline, "the last line never came");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A reader that does not read.
struct Stuck(mpsc::Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stuck_place_blocks_nobody_and_memory_stays_bounded() {
    let (release, stuck) = mpsc::channel();
    let queue = Queue::start("test", Sink::Stream(Box::new(Stuck(stuck))), silent()).unwrap();
    let line = "x".repeat(999);
    let started = Instant::now();
    for _ in 0..20_000 {
        put(&queue, &line);
    }
    assert!(started.elapsed() < LONG, "putting lines in waited for the place");
    assert!(queue.lost().queue_full > 10_000, "{:?}", queue.lost());
    assert!(!queue.flush(Duration::from_millis(50)));
    let buffered: usize = queue.shared.shards.iter().map(|shard| shard.0.lock().capacity()).sum();
    assert!(buffered < 8 * MAX_BUFFERED, "{buffered}");
    drop(release);
    assert!(queue.flush(LONG));
}

/// A disk that is full for a while, in the middle of a line.
struct Full {
    room: usize,
    healed: Arc<AtomicBool>,
    content: Memory,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.healed.load(Ordering::Relaxed) {
            return self.content.write(bytes);
        }
        if self.room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let count = self.room.min(bytes.len());
        self.room -= count;
        self.content.write(&bytes[..count])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_loses_lines_with_a_count_and_nothing_afterwards() {
    let (content, healed) = (Memory::default(), Arc::new(AtomicBool::new(false)));
    let full = Full { room: 6, healed: Arc::clone(&healed), content: content.clone() };
    let (events, told) = mpsc::channel();
    let report = Box::new(move |event| {
        let _ = events.send(match event {
            Event::Failing(error) => error.to_string(),
            Event::NotReopened(_) => "not reopened".to_owned(),
            Event::Recovered => "recovered".to_owned(),
        });
    });
    let queue = Queue::start("test", Sink::Stream(Box::new(full)), report).unwrap();
    for line in ["one", "two", "three"] {
        put(&queue, line);
        assert!(queue.flush(LONG));
    }
    assert_eq!(queue.lost(), Lost { queue_full: 0, write_failed: 2 });
    healed.store(true, Ordering::Relaxed);
    put(&queue, "four");
    assert!(queue.flush(LONG));
    assert_eq!(String::from_utf8(content.0.lock().clone()).unwrap(), "one\ntw\nfour\n");
    assert_eq!(queue.lost().write_failed, 2);
    drop(queue);
    let told: Vec<String> = told.iter().collect();
    assert_eq!(told.len(), 2, "told once when it fails and once when it recovers: {told:?}");
    assert_eq!(told[1], "recovered");
}

#[test]
fn a_file_is_appended_to_and_opened_anew_after_a_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs/access.jsonl");
    let queue = Queue::start("test", Sink::file(path.clone()).unwrap(), silent()).unwrap();
    put(&queue, "one");
    assert!(queue.flush(LONG));
    let rotated = folder.path().join("logs/access.jsonl.1");
    fs::rename(&path, &rotated).unwrap();
    put(&queue, "two");
    queue.reopen();
    assert!(queue.flush(LONG));
    put(&queue, "three");
    assert!(queue.flush(LONG));
    assert_eq!(fs::read_to_string(&rotated).unwrap(), "one\ntwo\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
}

#[test]
fn a_place_that_cannot_be_opened_anew_goes_on_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs/access.jsonl");
    let (events, told) = mpsc::channel();
    let report = Box::new(move |event| {
        let _ = events.send(matches!(event, Event::NotReopened(_)));
    });
    let queue = Queue::start("test", Sink::file(path.clone()).unwrap(), report).unwrap();
    let moved = folder.path().join("old");
    fs::rename(path.parent().unwrap(), &moved).unwrap();
    fs::write(path.parent().unwrap(), "a file where the folder was").unwrap();
    queue.reopen();
    put(&queue, "one");
    assert!(queue.flush(LONG));
    assert!(told.recv_timeout(LONG).unwrap());
    assert_eq!(fs::read_to_string(moved.join("access.jsonl")).unwrap(), "one\n");
}

#[test]
fn a_line_that_a_killed_process_left_half_written_is_ended_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.jsonl");
    fs::write(&path, "whole\nhal").unwrap();
    let queue = Queue::start("test", Sink::file(path.clone()).unwrap(), silent()).unwrap();
    put(&queue, "one");
    assert!(queue.flush(LONG));
    queue.reopen();
    put(&queue, "two");
    assert!(queue.flush(LONG));
    assert_eq!(fs::read_to_string(&path).unwrap(), "whole\nhal\none\ntwo\n");
}
