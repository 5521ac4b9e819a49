//! The command line itself: what is wrong usage, what is not there yet, and the help.

use crate::support::gatehouse;

fn text(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn wrong_usage_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &[][..],
        &["srve"],
        &["serve", "--prot", "1"],
        &["check", "--format", "xml"],
        &["check", "extra"],
        &["init"],
        &["import", "openapi", "x.yaml"],
        &["subscription", "rotate", "x"],
        &["check", "--profile", "mcsb"],
        &["check", "--waivers", "w.yaml"],
        &["import", "wsdl", "x.wsdl", "--name", "x"],
        &["import", "graphql", "x.graphql", "--into", "."],
        &["bench", "--duration", "5"],
        &["bench", "--rate", "fast"],
        &["bench", "--target", "https://a.example", "--ablate"],
        &["bench", "--ca", "ca.pem"],
        &["user", "list"],
        &["token", "create", "--role", "x"],
        &["backup", "f"],
        &["restore", "f"],
        &["audit", "verify"],
    ] {
        let output = gatehouse(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output));
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    let near = gatehouse(folder.path(), &["srve"]);
    assert!(text(&near).contains("serve"), "{}", text(&near));
    for verb in ["user", "token", "backup", "restore", "audit"] {
        assert!(text(&gatehouse(folder.path(), &[verb])).contains("not yet available"), "{verb}");
    }
    for verb in [
        "serve",
        "init",
        "check",
        "coverage",
        "test",
        "trace",
        "bench",
        "import",
        "subscription",
        "completions",
        "version",
    ] {
        let help = gatehouse(folder.path(), &[verb, "--help"]);
        assert!(help.status.success() && text(&help).contains("Example"), "{verb}: {}", text(&help));
    }
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing was made");
    let absent = gatehouse(folder.path(), &["check"]);
    assert_eq!(absent.status.code(), Some(1), "{}", text(&absent));
    assert!(text(&absent).contains("gatehouse.yaml"), "{}", text(&absent));
}
