//! How long a large folder takes to load.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;
use std::{fs, io};

use gatehouse_model::{Located, Location, apiops};

/// Writes artifacts of `count` APIs with ten operations each, and policies as people write them.
fn generate(folder: &Path, count: usize) -> io::Result<()> {
    fs::write(
        folder.join("policy.xml"),
        "<policies><inbound/><backend><forward-request/></backend></policies>",
    )?;
    for api in 0..count {
        let path = folder.join(format!("apis/api-{api}"));
        fs::create_dir_all(path.join("operations/get-3"))?;
        fs::write(
            path.join("apiInformation.json"),
            format!(
                r#"{{"properties": {{"path": "area-{}/api-{api}", "apiRevision": "1", "displayName": "API {api}",
                "protocols": ["https"], "serviceUrl": "https://backend-{api}.example/v1", "subscriptionRequired": true,
                "authenticationSettings": {{}}, "isCurrent": true}}}}"#,
                api % 10
            ),
        )?;
        let policy = "<policies>\n<inbound><base /></inbound>\n<backend><base /></backend>\n</policies>\n";
        fs::write(path.join("policy.xml"), policy)?;
        fs::write(path.join("operations/get-3/policy.xml"), policy)?;
        let mut specification =
            format!("openapi: 3.0.1\ninfo:\n  title: API {api}\n  version: '1.0'\npaths:\n");
        for operation in 0..10 {
            let _ = write!(
                specification,
                "  /things-{operation}/{{id}}:
    get:
      operationId: get-{operation}
      summary: Get thing {operation}
      parameters:
        - name: id
          in: path
          required: true
          schema:
            type: string
        - name: filter
          in: query
          schema:
            type: string
      responses:
        '200':
          description: A thing
          content:
            application/json:
              schema:
                $ref: '#/components/schemas/Thing'
              example:
                id: '7'
                name: thing
        '404':
          description: There is none
"
            );
        }
        specification.push_str(
            "components:
  schemas:
    Thing:
      type: object
      required: [id]
      properties:
        id:
          type: string
        name:
          type: string
        tags:
          type: array
          items:
            type: string
",
        );
        fs::write(path.join("specification.yaml"), specification)?;
    }
    Ok(())
}

#[test]
#[ignore = "a measurement: run it in release with --ignored --nocapture"]
fn a_thousand_apis_load_within_a_second() {
    let folder = std::env::temp_dir().join(format!("gatehouse-apiops-speed-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    generate(&folder, 1_000).unwrap();
    let located = Located::new(folder.clone(), Location::file(Path::new("gatehouse.yaml")));
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let start = Instant::now();
        let (catalog, diagnostics) = apiops::read(std::slice::from_ref(&located), None, &|_| None);
        let seconds = start.elapsed().as_secs_f64();
        assert!(diagnostics.is_empty(), "{diagnostics}");
        let operations: usize = catalog.service.apis.values().map(|api| api.operations.len()).sum();
        println!("{} APIs with {operations} operations: {seconds:.3} s", catalog.service.apis.len());
        assert_eq!(operations, 10_000);
        best = best.min(seconds);
    }
    fs::remove_dir_all(&folder).unwrap();
    assert!(best < 1.0, "the best of three loads took {best:.3} s");
}
