//! Artifacts of others, read whole: what is loaded, and that nothing in them is wrongly refused.

use std::path::{Path, PathBuf};

use gatehouse_model::resources::{
    ApiKind, BackendTarget, Catalog, NamedValueSource, Scope, SubscriptionState, VersioningScheme,
};
use gatehouse_model::{Diagnostics, Located, Location, Severity, apiops};

/// The folder of a corpus; `None`, with a line that says so, where there are no corpora.
fn corpus(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("GATEHOUSE_CORPORA") else {
        println!("ignored: GATEHOUSE_CORPORA is not set");
        return None;
    };
    Some(Path::new(&folder).join("apiops").join(name))
}

fn load(folder: PathBuf) -> (Catalog, Diagnostics) {
    let folder = Located::new(folder, Location::new(Path::new("gatehouse.yaml"), 1, 12));
    apiops::read(&[folder], None, &|_| None)
}

fn findings(diagnostics: &Diagnostics, id: &str) -> Vec<String> {
    diagnostics.iter().filter(|found| found.id == id).filter_map(|found| found.resource.clone()).collect()
}

fn assert_no_errors(diagnostics: &Diagnostics) {
    let errors: Vec<_> = diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn the_sample_artifacts_of_apiops_load() {
    let Some(folder) = corpus("azure-apiops-sample") else { return };
    let (catalog, diagnostics) = load(folder);
    assert_no_errors(&diagnostics);
    let service = &catalog.service;

    let apis: Vec<_> =
        service.apis.values().map(|api| (api.name.as_str(), api.kind, api.operations.len())).collect();
    assert_eq!(
        apis,
        [
            ("basic-api", ApiKind::Http, 2),
            ("graphql-api", ApiKind::GraphQl, 2),
            ("revisioned-api", ApiKind::Http, 1),
            ("revisioned-api;rev=2", ApiKind::Http, 2),
            ("soap-api", ApiKind::Soap, 0),
            ("versioned-api-v1", ApiKind::Http, 1),
            ("versioned-api-v2", ApiKind::Http, 1),
            ("wadl-api", ApiKind::Http, 1),
        ]
    );
    let basic = &service.apis["basic-api"];
    assert!(basic.policy.is_some() && basic.is_current && basic.subscription_required);
    assert_eq!(basic.operations.values().filter(|operation| operation.policy.is_some()).count(), 2);
    assert_eq!(basic.tags, ["tag1"]);
    assert_eq!(basic.diagnostics["azuremonitor"].logger.value, "azuremonitor");
    let second = &service.apis["revisioned-api;rev=2"];
    assert!(!second.is_current);
    assert_eq!((second.root.as_str(), second.revision.as_str()), ("revisioned-api", "2"));
    let versioned = &service.apis["versioned-api-v1"];
    assert_eq!(versioned.path, "versioned-api/v1");
    assert_eq!(versioned.version.as_deref(), Some("v1"));
    assert_eq!(service.version_sets["versionSet1"].scheme, VersioningScheme::Segment);

    let names = |apis: &[Located<String>]| apis.iter().map(|api| api.value.clone()).collect::<Vec<_>>();
    assert_eq!(
        names(&service.products["product1"].apis),
        ["basic-api", "revisioned-api", "versioned-api-v1"]
    );
    assert!(!service.products["product2"].subscription_required);
    assert!(service.products.values().all(|product| product.policy.is_some() && product.published));
    assert!(service.policy.is_some());
    assert_eq!(service.fragments.len(), 2);
    assert_eq!(service.named_values.len(), 4);
    assert_eq!(service.backends.len(), 2);
    assert_eq!((service.tags.len(), service.loggers.len(), service.diagnostics.len()), (2, 1, 1));
    assert_eq!(service.groups.len(), 3, "the system groups");
    assert_eq!(service.subscriptions["subscription1"].scope, Scope::Product("product1".into()));
    assert_eq!(service.subscriptions["subscription2"].scope, Scope::Api("basic-api".into()));
    assert!(catalog.workspaces.is_empty());
    assert_eq!(findings(&diagnostics, "no-operations"), ["apis/soap-api"]);
}

#[test]
fn a_real_extract_loads() {
    let Some(folder) = corpus("apiops-demo") else { return };
    let (catalog, diagnostics) = load(folder);
    assert_no_errors(&diagnostics);
    let service = &catalog.service;

    let apis: Vec<_> = service.apis.keys().map(String::as_str).collect();
    assert_eq!(
        apis,
        [
            "basic-calculator",
            "basic-calculator-v1",
            "basic-calculator-v1;rev=1",
            "basic-calculator-v1;rev=3",
            "basic-calculator;rev=3",
            "color-api",
            "echo-api",
            "mark-harrison-colors-api",
            "new-foo",
            "red-anyonecancode-web",
            "starwars-v1",
            "test",
            "testopenai",
        ],
        "revision 2 of basic-calculator-v1 is the current one: its second folder is stale"
    );
    assert_eq!(findings(&diagnostics, "stale-revision"), ["apis/basic-calculator-v1;rev=2"]);
    assert_eq!(service.apis["basic-calculator-v1"].revision, "2");
    assert!(service.apis.values().all(|api| !api.operations.is_empty()));
    let policies = |name: &str| {
        let operations = service.apis[name].operations.values();
        operations.filter(|operation| operation.policy.is_some()).count()
    };
    assert_eq!(policies("color-api"), 3);
    assert_eq!(policies("echo-api"), 4);
    assert_eq!(policies("basic-calculator-v1"), 1);
    assert_eq!(service.apis["mark-harrison-colors-api"].path, "");
    assert_eq!(service.apis["new-foo"].service_url, None);

    let products: Vec<_> = service
        .products
        .values()
        .map(|product| (product.name.as_str(), product.apis.len(), product.groups.len(), product.published))
        .collect();
    assert_eq!(products, [("goldtier", 0, 1, false), ("starter", 5, 3, true), ("unlimited", 4, 3, true)]);
    let BackendTarget::Pool(members) = &service.backends["backend-pool-test"].target else {
        panic!("no pool")
    };
    let members: Vec<_> = members
        .iter()
        .map(|member| (member.backend.value.as_str(), member.priority, member.weight))
        .collect();
    assert_eq!(members, [("MyCustomBackend", 1, 35), ("WebApp_red-anyonecancode-web", 1, 65)]);
    assert!(matches!(service.named_values["testSecret"].source, NamedValueSource::External));
    assert!(matches!(service.named_values["signingKey"].source, NamedValueSource::KeyVault { .. }));
    assert_eq!(service.named_values.len(), 7);
    let subscription = &service.subscriptions["66ce4b511f9b910053070001"];
    assert_eq!(subscription.scope, Scope::Product("starter".into()));
    assert_eq!(subscription.owner.as_deref(), Some("1"));
    assert_eq!(subscription.state, SubscriptionState::Active);
    assert_eq!(subscription.display_name, "66ce4b511f9b910053070001");
    assert_eq!((service.tags.len(), service.version_sets.len(), service.loggers.len()), (17, 2, 2));
    assert_eq!(service.diagnostics["applicationinsights"].settings["alwaysLog"], "allErrors");
}

#[test]
fn a_real_extract_is_laid_over_another() {
    let (Some(lower), Some(upper)) = (corpus("azure-apiops-sample"), corpus("apiops-demo")) else { return };
    let place = Location::new(Path::new("gatehouse.yaml"), 1, 12);
    let folders = [Located::new(lower, place.clone()), Located::new(upper, place)];
    let (catalog, diagnostics) = apiops::read(&folders, None, &|_| None);
    assert_no_errors(&diagnostics);
    assert_eq!(catalog.service.apis.len(), 8 + 13);
    let shared = &catalog.service.loggers["azuremonitor"];
    assert!(shared.is_buffered, "the file of the later folder counts");
    assert!(shared.location.file.to_string_lossy().contains("apiops-demo"));
}

/// All files below a folder.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

#[test]
fn no_file_is_skipped_unread() {
    let Some(source) = corpus("azure-apiops-sample") else { return };
    let copy = tempfile::tempdir().unwrap();
    for file in files(&source).unwrap() {
        let target = copy.path().join(file.strip_prefix(&source).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, &target).unwrap();
    }
    for file in files(copy.path()).unwrap() {
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, b"{ \xff").unwrap();
        let (_, diagnostics) = load(copy.path().to_path_buf());
        let told = diagnostics.iter().any(|found| {
            found.severity == Severity::Error && found.location.as_ref().is_some_and(|at| *at.file == *file)
        });
        assert!(told, "nothing is told of {}:\n{diagnostics}", file.display());
        std::fs::write(&file, whole).unwrap();
    }
    assert_no_errors(&load(copy.path().to_path_buf()).1);
}
