//! `gatehouse import`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use gatehouse_model::definition::wsdl::Selector;
use gatehouse_model::import;

use crate::cli::Outcome;

/// The arguments of `import`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// An OpenAPI 2.0, 3.0, 3.1 or 3.2 definition
    #[command(
        after_help = "Example:\n  gatehouse import openapi petstore.yaml --name petstore --into artifacts"
    )]
    Openapi(Definition),
    /// A WSDL 1.1 definition of a SOAP service
    #[command(after_help = "Example:\n  gatehouse import wsdl orders.wsdl --name orders --into artifacts")]
    Wsdl(Wsdl),
    /// A GraphQL schema
    #[command(
        after_help = "Example:\n  gatehouse import graphql schema.graphql --name films --into artifacts --backend https://films.example/graphql"
    )]
    Graphql(Definition),
}

#[derive(Args, Debug)]
struct Wsdl {
    #[command(flatten)]
    definition: Definition,
    /// The service that is meant; default: all of the definition
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// The endpoint (the port) that is meant; default: all that speak SOAP
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
}

#[derive(Args, Debug)]
struct Definition {
    /// The definition
    file: PathBuf,
    /// The API's resource name
    #[arg(long)]
    name: String,
    /// The APIOps folder to write into
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// The URL path of the API below the host; default: its resource name
    #[arg(long)]
    path: Option<String>,
    /// The folder that references of the definition may not leave; default: one above its own
    #[arg(long, value_name = "DIR")]
    references_within: Option<PathBuf>,
    /// Where requests go; default: the first server of the definition
    #[arg(long, value_name = "URL", value_parser = backend_url)]
    backend: Option<url::Url>,
    /// Replace an API of that name that differs
    #[arg(long)]
    force: bool,
}

/// A URL that an API's requests can go to.
///
/// # Errors
/// What is wrong with the text, and what would be right.
pub(super) fn backend_url(text: &str) -> Result<url::Url, String> {
    let url =
        url::Url::parse(text).map_err(|error| format!("{error} (such as https://petstore.example/v2)"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{}` is no scheme of a backend (use http or https)", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a backend's URL holds no user (a backend has `credentials`)".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("a backend's URL has neither a query nor a fragment".to_owned());
    }
    Ok(url)
}

/// Writes the files of the API.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let (kind, definition) = match &arguments.kind {
        Kind::Openapi(definition) => (import::Kind::OpenApi, definition),
        Kind::Wsdl(Wsdl { definition, service, endpoint }) => {
            let selector = Selector { service: service.clone(), endpoint: endpoint.clone() };
            (import::Kind::Wsdl(selector), definition)
        }
        Kind::Graphql(definition) => (import::Kind::GraphQl, definition),
    };
    let options = import::Options {
        path: definition.path.clone(),
        service_url: definition.backend.clone(),
        references_within: definition.references_within.clone(),
        force: definition.force,
    };
    match import::api(&kind, &definition.file, &definition.name, &definition.into, &options) {
        Ok(imported) => {
            eprint!("{}", imported.findings);
            for path in imported.files {
                println!("wrote {}", path.display());
            }
            println!("{} operations", imported.operations);
            Outcome::Good
        }
        Err(findings) => {
            eprint!("{findings}");
            Outcome::Bad
        }
    }
}
