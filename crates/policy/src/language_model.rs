//! Requests and answers of language models, as far as policies look into them: texts of prompts, reports of tokens.
//!
//! The shapes are those of `OpenAI`'s chat completions, completions, responses and embeddings, which many models speak,
//! of Anthropic's messages and of Google's `generateContent`.

use serde_json::Value;

use crate::TokenUse;

/// The parts of a request that hold text for the model.
const PROMPTS: [&str; 8] = [
    "messages",
    "prompt",
    "input",
    "instructions",
    "system",
    "contents",
    "systemInstruction",
    "system_instruction",
];
/// Parts of a prompt that hold no text for the model.
const NO_TEXT: [&str; 10] =
    ["role", "type", "id", "url", "image_url", "data", "detail", "media_type", "mimeType", "tool_call_id"];

/// How deep a prompt is looked into.
const DEPTH: usize = 32;

/// Calls `visit` with every text of a request's prompt. A body that is no JSON object is one text, and one without any
/// known part is looked through whole: nothing passes unseen.
pub(crate) fn prompt_texts(body: &[u8], visit: &mut dyn FnMut(&str)) {
    let Ok(Value::Object(request)) = serde_json::from_slice(body) else {
        return visit(&String::from_utf8_lossy(body));
    };
    let known: Vec<&Value> = PROMPTS.iter().filter_map(|name| request.get(*name)).collect();
    if known.is_empty() {
        request.values().for_each(|part| texts(part, DEPTH, visit));
    }
    for part in known {
        texts(part, DEPTH, visit);
    }
}

/// Calls `visit` with every text of a model's answer.
pub(crate) fn answer_texts(body: &[u8], visit: &mut dyn FnMut(&str)) {
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else {
        let text = String::from_utf8_lossy(body);
        let events = text.lines().filter_map(|line| line.strip_prefix("data:"));
        let mut streamed = String::new();
        for event in events.filter_map(|event| serde_json::from_str::<Value>(event.trim()).ok()) {
            streamed_text(&event, &mut |text| streamed.push_str(text));
        }
        return visit(if streamed.is_empty() { &text } else { &streamed });
    };
    let known: Vec<&Value> =
        ["choices", "output", "content", "candidates"].iter().filter_map(|name| answer.get(*name)).collect();
    if known.is_empty() {
        answer.values().for_each(|part| texts(part, DEPTH, visit));
    }
    for part in known {
        texts(part, DEPTH, visit);
    }
}

fn texts(part: &Value, depth: usize, visit: &mut dyn FnMut(&str)) {
    match part {
        Value::String(text) => visit(text),
        Value::Array(parts) if depth > 0 => parts.iter().for_each(|part| texts(part, depth - 1, visit)),
        Value::Object(fields) if depth > 0 => {
            for (_, part) in fields.iter().filter(|(name, _)| !NO_TEXT.contains(&name.as_str())) {
                texts(part, depth - 1, visit);
            }
        }
        // Deeper than any request of a model: as it is written, so that nothing hides there.
        Value::Array(_) | Value::Object(_) => visit(&part.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a request asks for an answer that streams.
pub(crate) fn is_streaming(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|request| request["stream"] == Value::Bool(true))
}

/// The tokens of a prompt, estimated.
pub(crate) fn estimate_prompt(body: &[u8]) -> u64 {
    let mut tokens = 0;
    // Models put a few tokens around every message.
    prompt_texts(body, &mut |text| tokens += estimate(text) + 4);
    tokens
}

/// The tokens of a text, estimated: about what the tokenizers of common models make of it. A short word is one token, a
/// longer one a token for every five letters; digits go by threes, other characters one by one.
pub(crate) fn estimate(text: &str) -> u64 {
    #[derive(PartialEq)]
    enum Kind {
        Letters,
        Digits,
        Other,
    }
    let mut tokens = 0u64;
    let mut run: (Kind, u64) = (Kind::Other, 0);
    let close = |run: &(Kind, u64)| match run {
        (Kind::Letters, length @ ..8) => u64::from(*length > 0),
        (Kind::Letters, length) => length.div_ceil(5),
        (Kind::Digits, length) => length.div_ceil(3),
        (Kind::Other, _) => 0,
    };
    for character in text.chars() {
        let kind = if character.is_ascii_digit() {
            Kind::Digits
        } else if character.is_alphabetic() && (character as u32) < 0x2E80 {
            Kind::Letters
        } else {
            Kind::Other
        };
        if kind == run.0 {
            run.1 += 1;
        } else {
            tokens += close(&run);
            run = (kind, 1);
        }
        if run.0 == Kind::Other && !character.is_whitespace() {
            tokens += 1;
        }
    }
    tokens + close(&run)
}

/// What an answer, or an event of one that streams, reports about its tokens.
pub(crate) fn reported_use(answer: &Value) -> Option<TokenUse> {
    let report = [
        &answer["usage"],
        &answer["usageMetadata"],
        &answer["response"]["usage"],
        &answer["message"]["usage"],
    ]
    .into_iter()
    .find(|report| report.is_object())?;
    let count = |names: [&str; 3]| names.iter().find_map(|name| report[*name].as_u64());
    let prompt = count(["prompt_tokens", "input_tokens", "promptTokenCount"]);
    let completion = count(["completion_tokens", "output_tokens", "candidatesTokenCount"]);
    let total = count(["total_tokens", "total_tokens", "totalTokenCount"]);
    prompt.or(completion).or(total)?;
    let prompt = prompt.unwrap_or(0);
    let completion = completion.unwrap_or_else(|| total.unwrap_or(0).saturating_sub(prompt));
    Some(TokenUse { prompt, completion, total: total.unwrap_or(prompt.saturating_add(completion)) })
}

/// Calls `visit` with the text of an event of an answer that streams.
pub(crate) fn streamed_text(event: &Value, visit: &mut dyn FnMut(&str)) {
    for choice in event["choices"].as_array().into_iter().flatten() {
        for text in [&choice["delta"]["content"], &choice["text"]] {
            text.as_str().into_iter().for_each(&mut *visit);
        }
    }
    for text in [&event["delta"], &event["delta"]["text"]] {
        text.as_str().into_iter().for_each(&mut *visit);
    }
    for candidate in event["candidates"].as_array().into_iter().flatten() {
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            part["text"].as_str().into_iter().for_each(&mut *visit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(body: &str) -> Vec<String> {
        let mut found = Vec::new();
        prompt_texts(body.as_bytes(), &mut |text| found.push(text.to_owned()));
        found
    }

    #[test]
    fn the_texts_of_prompts_are_found_in_every_shape() {
        assert_eq!(
            prompt(
                r#"{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"user","content":[{"type":"text","text":"there"},{"type":"image_url","image_url":{"url":"x"}}]}]}"#
            ),
            ["hi", "there"]
        );
        assert_eq!(prompt(r#"{"prompt":["a","b"]}"#), ["a", "b"]);
        assert_eq!(
            prompt(r#"{"input":[{"content":[{"type":"input_text","text":"q"}]}],"instructions":"i"}"#),
            ["q", "i"]
        );
        assert_eq!(prompt(r#"{"system":"s","messages":[{"content":"c"}]}"#), ["c", "s"]);
        assert_eq!(prompt(r#"{"contents":[{"parts":[{"text":"g"}]}]}"#), ["g"]);
        assert_eq!(prompt(r#"{"query":"own"}"#), ["own"]);
        assert_eq!(prompt("plain"), ["plain"]);
        let deep = format!("{{\"prompt\":{}\"x\"{}}}", "[".repeat(60), "]".repeat(60));
        assert!(prompt(&deep)[0].contains('x'));
    }

    #[test]
    fn answers_have_texts_too() {
        let mut found = Vec::new();
        answer_texts(br#"{"choices":[{"message":{"role":"assistant","content":"yes"}}]}"#, &mut |text| {
            found.push(text.to_owned());
        });
        answer_texts(b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n", &mut |text| found.push(text.to_owned()));
        assert_eq!(found, ["yes", "ab"]);
    }

    #[test]
    fn tokens_are_estimated() {
        assert_eq!(estimate(""), 0);
        assert_eq!(estimate("Hello, world!"), 4);
        assert_eq!(estimate("internationalization"), 4);
        assert_eq!(estimate("12345"), 2);
        assert_eq!(estimate("東京"), 2);
        assert_eq!(estimate("   \n"), 0);
    }

    #[test]
    fn reports_of_tokens_are_read_in_every_shape() {
        let read = |text: &str| {
            reported_use(&serde_json::from_str(text).unwrap()).map(|it| (it.prompt, it.completion, it.total))
        };
        assert_eq!(
            read(r#"{"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#),
            Some((1, 2, 3))
        );
        assert_eq!(read(r#"{"usage":{"input_tokens":1,"output_tokens":2}}"#), Some((1, 2, 3)));
        assert_eq!(read(r#"{"usage":{"prompt_tokens":5,"total_tokens":5}}"#), Some((5, 0, 5)));
        assert_eq!(
            read(r#"{"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":9}}"#),
            Some((1, 2, 9))
        );
        assert_eq!(
            read(r#"{"response":{"usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}}"#),
            Some((1, 2, 3))
        );
        assert_eq!(read(r#"{"usage":null}"#), None);
        assert_eq!(read(r#"{"usage":{"prompt_tokens":"1"}}"#), None);
        assert_eq!(read("[1]"), None);
    }
}
