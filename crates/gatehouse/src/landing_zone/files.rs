//! The files of the starter.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use gatehouse_model::configuration;

/// The resource name of the starter's API.
pub(crate) const API: &str = "books";

/// Which starter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Starter {
    /// The sample API answers from the examples of its definition.
    Mocked,
    /// The sample API is forwarded to a backend that the caller names.
    Forwarded,
    /// No API: the caller imports one.
    Empty,
}

const CONFIGURATION: &str = include_str!("../../starter/gatehouse.yaml");
const MOCK_POLICY: &str = include_str!("../../starter/mock-policy.xml");

/// Files of every starter, and files that belong to the sample API.
const COMMON: &[(&str, &str)] = &[
    ("artifacts/policy.xml", include_str!("../../starter/artifacts/policy.xml")),
    (
        "artifacts/products/starter/productInformation.json",
        include_str!("../../starter/artifacts/products/starter/productInformation.json"),
    ),
    (
        "artifacts/products/starter/policy.xml",
        include_str!("../../starter/artifacts/products/starter/policy.xml"),
    ),
    (
        "artifacts/subscriptions/starter/subscriptionInformation.json",
        include_str!("../../starter/artifacts/subscriptions/starter/subscriptionInformation.json"),
    ),
];
const SAMPLE: &[(&str, &str)] = &[
    (
        "artifacts/apis/books/apiInformation.json",
        include_str!("../../starter/artifacts/apis/books/apiInformation.json"),
    ),
    (
        "artifacts/apis/books/specification.yaml",
        include_str!("../../starter/artifacts/apis/books/specification.yaml"),
    ),
    (
        "artifacts/products/starter/apis/books/productApiInformation.json",
        include_str!("../../starter/artifacts/products/starter/apis/books/productApiInformation.json"),
    ),
];

/// Writes the starter's files into a folder; `api` is the resource name that the external zone exposes. A file that
/// is there already is kept as it is. Gives the files that were written.
pub(crate) fn write(folder: &Path, starter: Starter, api: &str) -> Result<Vec<PathBuf>> {
    let text = CONFIGURATION.replace("[books]", &format!("[{api}]"));
    let schema = format!("{:#}\n", configuration::schema());
    let mut files: Vec<(String, &str)> =
        vec![("gatehouse.yaml".to_owned(), &text), ("gatehouse.schema.json".to_owned(), &schema)];
    files.extend(COMMON.iter().map(|(path, text)| ((*path).to_owned(), *text)));
    match starter {
        Starter::Empty => {
            files.push((format!("artifacts/products/starter/apis/{api}/productApiInformation.json"), "{}\n"));
        }
        Starter::Mocked | Starter::Forwarded => {
            files.extend(SAMPLE.iter().map(|(path, text)| ((*path).to_owned(), *text)));
        }
    }
    if starter == Starter::Mocked {
        files.push(("artifacts/apis/books/policy.xml".to_owned(), MOCK_POLICY));
    }
    let mut written = Vec::new();
    for (path, text) in files {
        let path = folder.join(path);
        if path.exists() {
            continue;
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)
                .with_context(|| format!("cannot make the folder {}", parent.display()))?;
        }
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        written.push(path);
    }
    Ok(written)
}
