//! `llm-content-safety`: has a prompt, or in outbound an answer, judged by Azure AI Content Safety before it goes on.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/llm-content-safety-policy> and
//! <https://learn.microsoft.com/rest/api/contentsafety/text-operations>. Where the service gives no judgement, nothing
//! goes on.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::language_model::{answer_texts, prompt_texts};
use crate::plan::PolicyFuture;
use crate::value::{Boolean, Enumeration, Integer, Text};
use crate::{
    Action, AsyncPolicy, BackendChoice, Exchange, Failure, Flow, OutgoingRequest, OutgoingTarget, World,
};

/// The characters that the service takes at a time.
const LONGEST: usize = 10_000;
/// How long one judgement may take.
const TIMEOUT: Duration = Duration::from_secs(30);
const VERSION: &str = "api-version=2024-09-01";
const POLICY: &str = "llm-content-safety";

#[derive(Debug)]
struct LlmContentSafety {
    message: Message,
    workspace: Option<Arc<str>>,
    backend: Text,
    shields_prompt: Boolean,
    output: Option<Enumeration<Levels>>,
    categories: Vec<(Enumeration<Category>, Integer)>,
    blocklists: Vec<Text>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Levels {
    Four,
    Eight,
}

const LEVELS: &[(&str, Levels)] =
    &[("FourSeverityLevels", Levels::Four), ("EightSeverityLevels", Levels::Eight)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Category {
    Hate,
    SelfHarm,
    Sexual,
    Violence,
}

const CATEGORIES: &[(&str, Category)] = &[
    ("Hate", Category::Hate),
    ("SelfHarm", Category::SelfHarm),
    ("Sexual", Category::Sexual),
    ("Violence", Category::Violence),
];

impl Category {
    fn name(self) -> &'static str {
        CATEGORIES.iter().find(|(_, category)| *category == self).map_or("", |(name, _)| name)
    }
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["backend-id", "shield-prompt"], &["categories", "blocklists"]);
    builder.no_text(element);
    let backend = builder.text(element, "backend-id");
    if let Some(name) = backend.literal() {
        let location =
            element.attribute("backend-id").map_or(&element.location, |known| &known.value.location);
        let known: Vec<String> = builder.resources().backends.keys().cloned().collect();
        builder.must_exist("backend", name, location, known.iter().map(String::as_str));
    }
    let shields_prompt = builder.boolean(element, "shield-prompt", false);
    let mut output = None;
    let mut categories = Vec::new();
    if let Some(parent) = builder.child(element, "categories") {
        builder.only(parent, &["output-type"], &["category"]);
        builder.no_text(parent);
        output = Some(builder.enumeration(parent, "output-type", LEVELS, Levels::Four));
        for child in parent.elements_named("category") {
            builder.only(child, &["name", "threshold"], &[]);
            builder.no_text(child);
            let name = builder.required_enumeration(child, "name", CATEGORIES)?;
            categories.push((name, builder.integer(child, "threshold", 0..=7)));
        }
    }
    let mut blocklists = Vec::new();
    if let Some(parent) = builder.child(element, "blocklists") {
        builder.only(parent, &[], &["id"]);
        builder.no_text(parent);
        for child in parent.elements_named("id") {
            builder.only(child, &[], &[]);
            blocklists.push(builder.content(child));
        }
    }
    let judges = shields_prompt.literal() != Some(false) || output.is_some() || !blocklists.is_empty();
    if !judges {
        let message = format!("`{POLICY}` checks nothing");
        let fix = "add `shield-prompt=\"true\"`, `categories` or `blocklists`";
        builder.warn(
            gatehouse_model::Severity::Medium,
            "checks-nothing",
            &element.location,
            format!("{message}; {fix}"),
        );
    }
    let message = builder.message();
    match message {
        Message::Request => builder.read_request_body(),
        Message::Response => builder.read_response_body(),
    }
    Ok(Action::Later(Box::new(LlmContentSafety {
        message,
        workspace: builder.workspace().map(Into::into),
        backend,
        shields_prompt,
        output,
        categories,
        blocklists,
    })))
}

impl AsyncPolicy for LlmContentSafety {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let text = self.text(exchange);
            if text.trim().is_empty() {
                return Ok(Flow::Continue);
            }
            if text.chars().nth(LONGEST).is_some() {
                return Err(unjudged(format!(
                    "The text has more than the {LONGEST} characters that the service takes."
                )));
            }
            let name = String::from(self.backend.evaluate(exchange, world)?);
            let entity = BackendChoice::entity_name(self.workspace.as_deref(), name.trim());
            if self.shields_prompt.evaluate(exchange, world)? && self.message == Message::Request {
                let judgement =
                    ask(world, &entity, "shieldPrompt", &json!({ "userPrompt": text, "documents": [] }))
                        .await?;
                let attack = &judgement["userPromptAnalysis"]["attackDetected"];
                match attack.as_bool() {
                    Some(false) => {}
                    Some(true) => return Err(blocked("The prompt was judged to be an attack.")),
                    None => {
                        return Err(unjudged(
                            "The service did not say whether the prompt is an attack.".into(),
                        ));
                    }
                }
            }
            if self.output.is_some() || !self.blocklists.is_empty() {
                self.analyze(exchange, world, &entity, &text).await?;
            }
            Ok(Flow::Continue)
        })
    }
}

impl LlmContentSafety {
    /// All text of the prompt, or of the answer.
    fn text(&self, exchange: &Exchange) -> String {
        let mut whole = String::new();
        let mut add = |text: &str| {
            if !whole.is_empty() {
                whole.push('\n');
            }
            whole.push_str(text);
        };
        match self.message {
            Message::Request => {
                prompt_texts(exchange.request.body.bytes().map_or(&[], |bytes| bytes), &mut add);
            }
            Message::Response => {
                let body = exchange.response.as_ref().and_then(|response| response.body.bytes());
                answer_texts(body.map_or(&[], |bytes| bytes), &mut add);
            }
        }
        whole
    }

    async fn analyze(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
        entity: &Arc<str>,
        text: &str,
    ) -> Result<(), Failure> {
        let mut thresholds = Vec::new();
        for (category, threshold) in &self.categories {
            thresholds.push((category.evaluate(exchange, world)?, threshold.evaluate(exchange, world)?));
        }
        let mut blocklists = Vec::new();
        for list in &self.blocklists {
            blocklists.push(String::from(list.evaluate(exchange, world)?));
        }
        let levels = match &self.output {
            Some(output) => output.evaluate(exchange, world)?,
            None => Levels::Four,
        };
        let names: Vec<&str> = thresholds.iter().map(|(category, _)| category.name()).collect();
        let question = json!({
            "text": text,
            "categories": names,
            "blocklistNames": blocklists,
            "haltOnBlocklistHit": false,
            "outputType": match levels { Levels::Four => LEVELS[0].0, Levels::Eight => LEVELS[1].0 },
        });
        let judgement = ask(world, entity, "analyze", &question).await?;
        if let Some(hit) = judgement["blocklistsMatch"].as_array().and_then(|matches| matches.first()) {
            let list = hit["blocklistName"].as_str().unwrap_or_default();
            return Err(blocked(format!("The text matches the blocklist {list}.")));
        }
        let analysis = judgement["categoriesAnalysis"].as_array();
        for (category, threshold) in thresholds {
            let found = analysis.into_iter().flatten().find(|one| one["category"] == category.name());
            let Some(severity) = found.and_then(|one| one["severity"].as_i64()) else {
                return Err(unjudged(format!("The service gave no severity for {}.", category.name())));
            };
            if severity >= threshold {
                let name = category.name();
                return Err(blocked(format!("The text has the severity {severity} in the category {name}.")));
            }
        }
        Ok(())
    }
}

/// Asks the service.
async fn ask(
    world: &World<'_>,
    entity: &Arc<str>,
    operation: &str,
    question: &Value,
) -> Result<Value, Failure> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let request = OutgoingRequest {
        target: OutgoingTarget::Backend {
            entity: Arc::clone(entity),
            path: format!("/contentsafety/text:{operation}?{VERSION}"),
        },
        method: Method::POST,
        headers,
        body: question.to_string().into(),
        timeout: TIMEOUT,
        certificate: None,
        proxy: None,
    };
    let answer = world.outgoing.send(&request).await.map_err(|error| unjudged(error.to_string()))?;
    if answer.status != StatusCode::OK {
        return Err(unjudged(format!("The service answered with the status {}.", answer.status.as_u16())));
    }
    let body = answer.body.bytes().cloned().unwrap_or_default();
    serde_json::from_slice(&body)
        .map_err(|error| unjudged(format!("The answer of the service is not JSON: {error}")))
}

fn blocked(why: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::new(StatusCode::FORBIDDEN, POLICY, "ContentSafetyCheckFailed", why)
        .public("Request failed content safety check.")
}

fn unjudged(why: String) -> Failure {
    Failure::internal(POLICY, "ContentSafetyNotAvailable", why)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use gatehouse_model::resources::{Backend, BackendCredentials, BackendTarget, BackendTls};

    use super::*;
    use crate::testing::*;
    use crate::{Body, Response, UpstreamError};

    const ALL: &str = "<llm-content-safety backend-id=\"safety\" shield-prompt=\"true\"><categories output-type=\"EightSeverityLevels\"><category name=\"Hate\" threshold=\"4\" /><category name=\"Violence\" threshold=\"@(2 + 2)\" /></categories><blocklists><id>list1</id></blocklists></llm-content-safety>";
    const HARMLESS: &str = "{\"blocklistsMatch\":[],\"categoriesAnalysis\":[{\"category\":\"Hate\",\"severity\":3},{\"category\":\"Violence\",\"severity\":0}]}";
    const NO_ATTACK: &str = "{\"userPromptAnalysis\":{\"attackDetected\":false},\"documentsAnalysis\":[]}";

    fn catalog_with(section: &str, policy: &str) -> gatehouse_model::resources::Catalog {
        let mut catalog = catalog(&document(section, policy));
        let backend = Backend {
            name: "safety".into(),
            title: None,
            target: BackendTarget::Single("https://safety.example".parse().unwrap()),
            credentials: BackendCredentials::default(),
            tls: BackendTls::default(),
            circuit_breaker: Vec::new(),
            location: gatehouse_model::Location::file(std::path::Path::new("backends")),
        };
        catalog.service.backends.insert("safety".into(), backend);
        catalog
    }

    fn judged(
        section: &str,
        policy: &str,
        body: &str,
        judgements: Vec<Result<(u16, &str), UpstreamError>>,
    ) -> (Exchange, Vec<(String, Value)>) {
        let world = TestWorld::new();
        for judgement in judgements {
            world.outside.borrow_mut().push_back(judgement.map(|(status, text)| {
                let mut response = Response::new(StatusCode::from_u16(status).unwrap());
                response.body = Body::Full(Bytes::copy_from_slice(text.as_bytes()));
                response
            }));
        }
        let mut exchange = exchange();
        exchange.request.body = Body::Full(Bytes::copy_from_slice(body.as_bytes()));
        world.run(&policies(&catalog_with(section, policy)).global(), &mut exchange);
        let asked = world.sent.take().into_iter().map(|(request, _)| match request.target {
            OutgoingTarget::Backend { entity, path } => {
                assert_eq!(&*entity, "safety");
                (path, serde_json::from_slice(&request.body).unwrap())
            }
            OutgoingTarget::Url(_) => panic!("a URL"),
        });
        (exchange, asked.collect())
    }

    const PROMPT: &str = "{\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"},{\"role\":\"user\",\"content\":\"there\"}]}";

    #[test]
    fn a_prompt_that_is_judged_harmless_goes_on() {
        let (exchange, asked) =
            judged("inbound", ALL, PROMPT, vec![Ok((200, NO_ATTACK)), Ok((200, HARMLESS))]);
        assert_eq!(exchange.answered(), 200, "{:?}", exchange.last_error);
        assert_eq!(asked[0].0, "/contentsafety/text:shieldPrompt?api-version=2024-09-01");
        assert_eq!(asked[0].1, json!({ "userPrompt": "Hello\nthere", "documents": [] }));
        assert_eq!(asked[1].0, "/contentsafety/text:analyze?api-version=2024-09-01");
        assert_eq!(
            asked[1].1,
            json!({ "text": "Hello\nthere", "categories": ["Hate", "Violence"], "blocklistNames": ["list1"], "haltOnBlocklistHit": false, "outputType": "EightSeverityLevels" })
        );
    }

    #[test]
    fn what_is_judged_harmful_is_blocked() {
        let harmful = HARMLESS.replace(":3}", ":4}");
        let listed = HARMLESS.replace("[],", "[{\"blocklistName\":\"list1\"}],");
        let attack = NO_ATTACK.replace("false", "true");
        for judgements in [
            vec![Ok((200, attack.as_str()))],
            vec![Ok((200, NO_ATTACK)), Ok((200, harmful.as_str()))],
            vec![Ok((200, NO_ATTACK)), Ok((200, listed.as_str()))],
        ] {
            let (exchange, _) = judged("inbound", ALL, PROMPT, judgements);
            assert_eq!(exchange.answered(), 403);
            assert_eq!(
                exchange.answer_text(),
                "{\"statusCode\":403,\"message\":\"Request failed content safety check.\"}"
            );
            assert_eq!(exchange.last_error.unwrap().reason, "ContentSafetyCheckFailed");
        }
    }

    #[test]
    fn without_a_judgement_nothing_goes_on() {
        let silent = HARMLESS.replace("Hate", "Other");
        for judgements in [
            vec![Err(UpstreamError::Connection("refused".into()))],
            vec![Ok((500, NO_ATTACK))],
            vec![Ok((200, "{}"))],
            vec![Ok((200, "nonsense"))],
            vec![Ok((200, NO_ATTACK)), Ok((429, HARMLESS))],
            vec![Ok((200, NO_ATTACK)), Ok((200, silent.as_str()))],
        ] {
            let (exchange, _) = judged("inbound", ALL, PROMPT, judgements);
            assert_eq!(
                (exchange.answered(), exchange.last_error.unwrap().reason.as_str()),
                (500, "ContentSafetyNotAvailable")
            );
        }
        let long = PROMPT.replace("Hello", &"x".repeat(LONGEST));
        let (exchange, asked) = judged("inbound", ALL, &long, Vec::new());
        assert_eq!((exchange.answered(), asked.len()), (500, 0));
    }

    #[test]
    fn in_outbound_it_is_the_answer_that_is_judged() {
        let policy = "<llm-content-safety backend-id=\"safety\"><categories><category name=\"Hate\" threshold=\"2\" /></categories></llm-content-safety>";
        let (exchange, asked) = judged("outbound", policy, PROMPT, vec![Ok((200, HARMLESS))]);
        assert_eq!(exchange.answered(), 403);
        assert_eq!(asked[0].1["text"], "backend");
    }

    #[test]
    fn its_parts_are_checked() {
        for (text, wanted) in [
            ("<llm-content-safety shield-prompt=\"true\" />", "has no attribute `backend-id`"),
            ("<llm-content-safety backend-id=\"safty\" shield-prompt=\"true\" />", "did you mean `safety`?"),
            ("<llm-content-safety backend-id=\"safety\" />", "checks nothing"),
            (
                "<llm-content-safety backend-id=\"safety\"><categories><category name=\"Anger\" threshold=\"1\" /></categories></llm-content-safety>",
                "must be one of `Hate`",
            ),
            (
                "<llm-content-safety backend-id=\"safety\"><categories><category name=\"Hate\" threshold=\"8\" /></categories></llm-content-safety>",
                "must be a whole number from 0 to 7",
            ),
        ] {
            let told = findings(&catalog_with("inbound", text));
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
    }
}
