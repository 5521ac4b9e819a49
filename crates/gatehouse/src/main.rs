//! One binary: a secured API platform that runs the policies of Azure API Management anywhere.

#![forbid(unsafe_code)]

mod cli;
mod landing_zone;
mod load;
mod offline;
mod output;
mod running;
mod verbs;

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: alloc_tracker::Allocator<mimalloc::MiMalloc> =
    alloc_tracker::Allocator::new(mimalloc::MiMalloc);

fn main() -> ExitCode {
    cli::Cli::parse().run()
}
