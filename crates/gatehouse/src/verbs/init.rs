//! `gatehouse init`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use gatehouse_model::import;

use crate::cli::Outcome;
use crate::landing_zone::{self, Starter};

/// The arguments of `init`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The folder to write into; it must be new, empty, or an earlier start of the same
    folder: PathBuf,
    /// Publish the API of this OpenAPI definition instead of the sample
    #[arg(long, value_name = "FILE")]
    openapi: Option<PathBuf>,
    /// Where that API's requests go; default: the first server of the definition
    #[arg(long, value_name = "URL", requires = "openapi", value_parser = super::import::backend_url)]
    backend: Option<url::Url>,
    /// The resource name of that API; default: the definition's file name
    #[arg(long, requires = "openapi")]
    name: Option<String>,
}

/// Writes the landing zone.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    match write(arguments) {
        Ok(()) => Outcome::Good,
        Err(error) => {
            eprintln!("error: {error:#}");
            Outcome::Bad
        }
    }
}

fn write(arguments: &Arguments) -> Result<()> {
    let folder = &arguments.folder;
    if folder.join("gatehouse.yaml").exists() {
        bail!("{} holds a landing zone already; name a new folder", folder.display());
    }
    match &arguments.openapi {
        None => {
            landing_zone::write(folder, Starter::Mocked, landing_zone::API)?;
        }
        Some(definition) => import_definition(arguments, definition)?,
    }
    landing_zone::ensure_certificates(folder)?;
    let shown = folder.display();
    println!("Wrote a landing zone to {shown}.\n");
    println!("  cd {shown}");
    println!("  gatehouse check    # every error at once");
    println!("  gatehouse serve    # prints the key of the starter subscription, once\n");
    println!("Clients trust the development authority {}.", folder.join("certs/ca.pem").display());
    Ok(())
}

fn import_definition(arguments: &Arguments, definition: &Path) -> Result<()> {
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => resource_name(definition).context("give the API a name with --name")?,
    };
    let options = import::Options { service_url: arguments.backend.clone(), ..import::Options::default() };
    let artifacts = arguments.folder.join("artifacts");
    match import::api(&import::Kind::OpenApi, definition, &name, &artifacts, &options) {
        Ok(imported) => eprint!("{}", imported.findings),
        Err(findings) => bail!("the definition cannot be imported\n{findings}"),
    }
    landing_zone::write(&arguments.folder, Starter::Empty, &name)?;
    Ok(())
}

/// `My Petstore.v1.yaml` becomes `my-petstore-v1`.
fn resource_name(file: &Path) -> Option<String> {
    let stem = file.file_stem()?.to_str()?.to_lowercase();
    let name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name = name.trim_matches('-').to_owned();
    (!name.is_empty()).then_some(name)
}
