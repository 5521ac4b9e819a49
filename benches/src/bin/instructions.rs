//! Runs a case a given number of times, to be counted from outside: `instructions CASE TIMES`. Without arguments it
//! lists the cases; `instructions bodies FOLDER` writes the bodies of the validation cases there. The script `benches/instructions.py` takes two counts and divides their difference.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use gatehouse_benches::cases;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let cases = cases();
    match arguments.as_slice() {
        [] => {
            for case in &cases {
                println!("{}", case.name);
            }
            ExitCode::SUCCESS
        }
        [command, folder] if command == "bodies" => match gatehouse_benches::write_bodies(folder.as_ref()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{folder}: {error}");
                ExitCode::FAILURE
            }
        },
        [name, times] => {
            let Some(case) = cases.iter().find(|case| case.name == *name) else {
                eprintln!("there is no case `{name}`");
                return ExitCode::from(2);
            };
            let Ok(times) = times.parse::<u32>() else {
                eprintln!("`{times}` is not a number of times");
                return ExitCode::from(2);
            };
            let mut run = (case.prepare)();
            for _ in 0..times {
                run();
            }
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: instructions [CASE TIMES]");
            ExitCode::from(2)
        }
    }
}
