//! What must not be linked in.

use std::process::Command;

#[test]
fn there_is_one_tls_stack_and_one_cryptographic_library() {
    let metadata = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--workspace",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--locked",
        ])
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let tree = String::from_utf8(metadata.stdout).unwrap();
    assert!(tree.contains("rustls v"), "the tree is read");
    for banned in ["ring", "openssl", "openssl-sys", "native-tls", "serde_yaml"] {
        let found = tree.lines().find(|line| line.split(' ').next() == Some(banned));
        assert_eq!(found, None, "{banned} is banned (deny.toml says why)");
    }
}
