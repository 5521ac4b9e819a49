//! The request side: line, header, body.

use super::{Entry, Refusal, RefusalKind, Transaction, Verdict};
use crate::body::{Arguments, BodyError, cookies, decode, json, multipart, urlencoded, xml};
use crate::definition::{Standing, Step};
use crate::rule::Processor;
use crate::seclang::LimitAction;
use crate::text::{hex_pair, starts_with_ignoring_case};
use crate::values::{Value, Values};
use crate::variables::{List, Scalar};

impl Transaction {
    /// Takes the request line: the method, the target as it came, and the version, such as `HTTP/1.1`.
    pub fn request_line(&mut self, method: &[u8], target: &[u8], protocol: &[u8]) {
        self.set(Scalar::RequestMethod, method);
        self.set(Scalar::RequestProtocol, protocol);
        let line = [method, b" ", target, b" ", protocol].concat();
        self.set(Scalar::RequestLine, &line);
        self.header_bytes += line.len() + 2;
        self.set(Scalar::RequestUriRaw, target);
        let uri = without_origin(target);
        self.set(Scalar::RequestUri, uri);
        let (path, query) = match memchr::memchr(b'?', uri) {
            Some(at) => (&uri[..at], &uri[at + 1..]),
            None => (uri, &[][..]),
        };
        let path = decode_path(path);
        self.set(Scalar::RequestFilename, &path);
        self.set(Scalar::PathInfo, &path);
        let basename = path
            .iter()
            .rposition(|byte| matches!(byte, b'/' | b'\\'))
            .map_or(&path[..], |at| &path[at + 1..]);
        self.set(Scalar::RequestBasename, basename);
        self.set(Scalar::QueryString, query);
        let separator = self.rules.settings.argument_separator;
        match self.arguments(List::ArgsGet, |arguments| urlencoded::read(query, separator, arguments)) {
            Ok(true) => {}
            Ok(false) => self.set_number(Scalar::UrlencodedError, 1),
            Err(_) => self.exceed(),
        }
    }

    /// Takes a field of the header.
    pub fn request_header(&mut self, name: &[u8], value: &[u8]) {
        self.header_bytes += name.len() + value.len() + 4;
        self.push(List::RequestHeaders, name, value);
        if name.eq_ignore_ascii_case(b"cookie") {
            for (name, value) in cookies::read(value) {
                self.push(List::RequestCookies, name, value);
            }
        }
    }

    /// The header has ended: phase 1.
    pub fn end_of_request_header(&mut self) -> Verdict {
        if self.is_off() {
            return Verdict::Pass;
        }
        if let Some(media_type) = self.field(List::RequestHeaders, b"content-type") {
            self.body.processor = processor_for(&media_type);
        }
        if let Some(processor) = self.body.processor {
            self.set(Scalar::ReqbodyProcessor, processor.name().as_bytes());
        }
        self.run_phase(1);
        // The next phase tells of the body's alone.
        self.lists[List::Undeclared as usize].clear();
        self.verdict()
    }

    /// Whether the rules look at the body: the caller need not hand it over otherwise.
    pub fn wants_request_body(&self) -> bool {
        let reads = self.body.processor.is_some() || self.body.forced;
        !self.is_off() && self.body.access && reads && self.refusal.is_none()
    }

    /// Names the request, for `UNIQUE_ID`.
    pub fn name_request(&mut self, id: &str) {
        self.set(Scalar::UniqueId, id.as_bytes());
    }

    /// The values of the named fields and arguments, as they came and decoded: what must not stand in logs.
    pub fn secrets(&self, fields: &[&str], arguments: &[&str]) -> Vec<Vec<u8>> {
        let mut secrets = Vec::new();
        for (list, names) in [
            (List::RequestHeaders, fields),
            (List::RequestCookies, &[]),
            (List::ArgsGet, arguments),
            (List::ArgsPost, arguments),
        ] {
            for entry in &self.lists[list as usize] {
                let name = self.values.get(entry.name);
                let named = names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()));
                if let Value::Text(value) = entry.value
                    && (named || list == List::RequestCookies)
                {
                    secrets.push(self.values.get(value).to_vec());
                }
            }
        }
        if let Some(Value::Text(query)) = self.scalars[Scalar::QueryString as usize] {
            for pair in self.values.get(query).split(|byte| *byte == b'&') {
                let Some(at) = memchr::memchr(b'=', pair) else { continue };
                if arguments.iter().any(|wanted| pair[..at].eq_ignore_ascii_case(wanted.as_bytes())) {
                    secrets.push(pair[at + 1..].to_vec());
                }
            }
        }
        // Short texts stand everywhere; taking them out would tell more than it hides.
        secrets.retain(|secret| secret.len() >= 6);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        secrets
    }

    /// Whether the body is larger than what the rules look at: what is handed over from here on is not kept.
    pub fn is_request_body_cut(&self) -> bool {
        self.body.length > self.body.limit as u64
    }

    /// Takes a part of the body.
    pub fn request_body(&mut self, part: &[u8]) -> Verdict {
        if !self.wants_request_body() {
            return self.verdict();
        }
        self.body.length += part.len() as u64;
        let room = self.body.limit.saturating_sub(self.body.bytes.len());
        self.body.bytes.extend_from_slice(&part[..part.len().min(room)]);
        if part.len() > room {
            self.set_number(Scalar::InboundDataError, 1);
            // A body that no processor reads is looked at as far as the limit goes.
            let rejects = self.rules.settings.request_body_limit_action == LimitAction::Reject;
            if rejects && self.body.processor.is_some() {
                self.refuse(Refusal { status: 413, rule: 0, kind: RefusalKind::BodyTooLarge });
            }
        }
        self.verdict()
    }

    /// The body has ended: phase 2.
    pub fn end_of_request_body(&mut self) -> Verdict {
        if self.is_off() || self.refusal.is_some() {
            return self.verdict();
        }
        if self.body.access {
            let body = std::mem::take(&mut self.body.bytes);
            let coding = self.field(List::RequestHeaders, b"content-encoding").unwrap_or_default();
            let decoded =
                if body.is_empty() { None } else { decode::decode(&coding, &body, self.body.limit) };
            match decoded {
                None => self.read_body(&body),
                Some(Ok(content)) => self.read_body(&content),
                Some(Err(error)) => {
                    if let BodyError::TooLarge(_) = error {
                        self.refuse(Refusal { status: 413, rule: 0, kind: RefusalKind::BodyTooLarge });
                    }
                    self.body_error(&error);
                }
            }
            self.body.bytes = body;
        }
        self.limit_fields();
        if self.refusal.is_some() {
            return self.verdict();
        }
        self.judge_fields();
        let combined: usize = [List::ArgsGet, List::ArgsPost]
            .into_iter()
            .flat_map(|list| &self.lists[list as usize])
            .map(|entry| self.values.info(entry.name).len as usize + length(&self.values, entry.value))
            .sum();
        self.set_number(Scalar::ArgsCombinedSize, combined as i64);
        self.run_phase(2);
        self.verdict()
    }

    /// Refuses a body that has too much beside its files.
    fn limit_fields(&mut self) {
        let Some(limit) = self.rules.settings.request_body_no_files_limit else { return };
        let files = match self.scalars[Scalar::FilesCombinedSize as usize] {
            Some(Value::Number(size)) => size.max(0) as u64,
            _ => 0,
        };
        if self.body.length.saturating_sub(files) <= limit as u64 {
            return;
        }
        self.set_number(Scalar::InboundDataError, 1);
        if self.rules.settings.request_body_limit_action == LimitAction::Reject {
            self.refuse(Refusal { status: 413, rule: 0, kind: RefusalKind::BodyTooLarge });
        }
    }

    fn read_body(&mut self, body: &[u8]) {
        self.work += body.len() as u64;
        self.set_number(Scalar::RequestBodyLength, self.body.length as i64);
        self.set_number(Scalar::FullRequestLength, (self.header_bytes + body.len()) as i64);
        let settings_depth = self.rules.settings.json_depth_limit;
        let separator = self.rules.settings.argument_separator;
        let result = match self.body.processor {
            _ if body.is_empty() => Ok(()),
            None => {
                if self.body.forced {
                    self.set(Scalar::RequestBody, body);
                    self.guess(body, settings_depth);
                }
                Ok(())
            }
            Some(Processor::Raw) => {
                self.set(Scalar::RequestBody, body);
                Ok(())
            }
            Some(Processor::UrlEncoded) => {
                self.set(Scalar::RequestBody, body);
                self.arguments(List::ArgsPost, |arguments| urlencoded::read(body, separator, arguments)).map(
                    |valid| {
                        if !valid {
                            self.set_number(Scalar::UrlencodedError, 1);
                        }
                    },
                )
            }
            Some(Processor::Json) => self.read_json(body, settings_depth),
            Some(Processor::Xml) => self.read_xml(body, settings_depth),
            Some(Processor::Multipart) => self.read_multipart(body),
        };
        if self.body.forced && self.body.processor.is_some() && !body.is_empty() {
            self.set(Scalar::RequestBody, body);
        }
        if let Err(error) = result {
            self.body_error(&error);
        }
    }

    /// Reads a body that does not say what it is as JSON, which some backends do; it need not be.
    fn guess(&mut self, body: &[u8], depth: usize) {
        let begins = body.iter().find(|byte| !byte.is_ascii_whitespace());
        let has_type = self.field(List::RequestHeaders, b"content-type").is_some();
        if has_type || !matches!(begins, Some(b'{' | b'[')) {
            return;
        }
        let known = self.lists[List::ArgsPost as usize].len();
        if self.read_json(body, depth).is_err() {
            self.lists[List::ArgsPost as usize].truncate(known);
        }
    }

    fn body_error(&mut self, error: &BodyError) {
        let message = error.to_string();
        self.set_number(Scalar::ReqbodyError, 1);
        self.set(Scalar::ReqbodyErrorMsg, message.as_bytes());
        self.set_number(Scalar::ReqbodyProcessorError, 1);
        self.set(Scalar::ReqbodyProcessorErrorMsg, message.as_bytes());
    }

    fn read_json(&mut self, body: &[u8], depth: usize) -> Result<(), BodyError> {
        let Some(definition) = self.definition.clone() else {
            return self.arguments(List::ArgsPost, |arguments| json::read(body, depth, arguments));
        };
        let content_type = self.field(List::RequestHeaders, b"content-type").unwrap_or_default();
        let known = definition.body(&content_type);
        let ask = |path: &mut dyn Iterator<Item = Step<'_>>, value: &[u8]| {
            known.as_ref().map_or_else(Standing::default, |known| known.leaf(path, value))
        };
        self.judged_arguments(List::ArgsPost, &ask, |arguments| json::read(body, depth, arguments))
    }

    fn read_xml(&mut self, body: &[u8], depth: usize) -> Result<(), BodyError> {
        let rules = std::sync::Arc::clone(&self.rules);
        let (found, result) = if rules.settings.xml_into_args {
            self.arguments(List::ArgsPost, |arguments| xml::read(body, depth, &rules.xpaths, Some(arguments)))
        } else {
            xml::read(body, depth, &rules.xpaths, None)
        };
        for (path, values) in found.into_iter().enumerate() {
            self.xml[path] = values.iter().map(|value| self.values.add(value)).collect();
        }
        result
    }

    fn read_multipart(&mut self, body: &[u8]) -> Result<(), BodyError> {
        let media_type = self.field(List::RequestHeaders, b"content-type").unwrap_or_default();
        let found = multipart::read(&media_type, body, self.rules.settings.upload_file_limit);
        let mut sizes = 0;
        for part in &found.parts {
            for header in &part.headers {
                self.push(List::MultipartPartHeaders, &part.name, header);
            }
            let content = body.get(part.content.clone()).unwrap_or_default();
            self.push(List::MultipartName, &part.name, &part.name);
            match &part.filename {
                Some(filename) => {
                    self.push(List::Files, &part.name, filename);
                    self.push(List::MultipartFilename, &part.name, filename);
                    let name = self.values.add(&part.name);
                    let value = Value::Number(content.len() as i64);
                    self.lists[List::FilesSizes as usize].push(Entry::new(name, value));
                    sizes += content.len();
                }
                None => self.push(List::ArgsPost, &part.name, content),
            }
        }
        self.set_number(Scalar::FilesCombinedSize, sizes as i64);
        let flags = found.flags;
        for (set, scalar) in [
            (flags.boundary_quoted, Scalar::MultipartBoundaryQuoted),
            (flags.boundary_whitespace, Scalar::MultipartBoundaryWhitespace),
            (flags.data_before, Scalar::MultipartDataBefore),
            (flags.data_after, Scalar::MultipartDataAfter),
            (flags.header_folding, Scalar::MultipartHeaderFolding),
            (flags.invalid_header_folding, Scalar::MultipartInvalidHeaderFolding),
            (flags.lf_line, Scalar::MultipartLfLine),
            (flags.mixed_lines(), Scalar::MultipartCrlfLfLines),
            (flags.missing_semicolon, Scalar::MultipartMissingSemicolon),
            (flags.invalid_quoting, Scalar::MultipartInvalidQuoting),
            (flags.invalid_part, Scalar::MultipartInvalidPart),
            (flags.file_limit_exceeded, Scalar::MultipartFileLimitExceeded),
            (flags.unmatched_boundary, Scalar::MultipartUnmatchedBoundary),
            (flags.strict_error(), Scalar::MultipartStrictError),
        ] {
            if set {
                self.set_number(scalar, 1);
            }
        }
        match found.error {
            None => Ok(()),
            Some(message) => {
                self.set_number(Scalar::MultipartStrictError, 1);
                Err(BodyError::Malformed(message))
            }
        }
    }

    /// Lets a reader fill a list, within the bounds.
    fn arguments<T>(&mut self, list: List, read: impl FnOnce(&mut dyn Arguments) -> T) -> T {
        let mut entries = std::mem::take(&mut self.lists[list as usize]);
        let limit = self.rules.settings.arguments_limit.min(self.limits.entries);
        let mut sink =
            Sink { values: &mut self.values, entries: &mut entries, limit, judge: None, undeclared: None };
        let result = read(&mut sink);
        self.lists[list as usize] = entries;
        result
    }

    /// The same for values of JSON, of which a definition says something.
    fn judged_arguments<T>(
        &mut self,
        list: List,
        judge: &Judge<'_>,
        read: impl FnOnce(&mut dyn Arguments) -> T,
    ) -> T {
        let mut entries = std::mem::take(&mut self.lists[list as usize]);
        let mut undeclared = std::mem::take(&mut self.lists[List::Undeclared as usize]);
        let limit = self.rules.settings.arguments_limit.min(self.limits.entries);
        let mut sink = Sink {
            values: &mut self.values,
            entries: &mut entries,
            limit,
            judge: Some(judge),
            undeclared: self.tells_undeclared.then_some(&mut undeclared),
        };
        let result = read(&mut sink);
        self.lists[list as usize] = entries;
        self.lists[List::Undeclared as usize] = undeclared;
        result
    }

    /// Adds a named value; one beyond the bound ends the transaction.
    pub(super) fn push(&mut self, list: List, name: &[u8], value: &[u8]) {
        if self.lists[list as usize].len() >= self.limits.entries {
            self.exceed();
            return;
        }
        let entry = Entry::new(self.values.add(name), Value::Text(self.values.add(value)));
        self.lists[list as usize].push(entry);
    }

    /// The first field of that name.
    pub(super) fn field(&self, list: List, name: &[u8]) -> Option<Vec<u8>> {
        let entries = &self.lists[list as usize];
        let entry = entries.iter().find(|entry| self.values.get(entry.name).eq_ignore_ascii_case(name))?;
        match entry.value {
            Value::Text(id) => Some(self.values.get(id).to_vec()),
            Value::Number(_) => None,
        }
    }
}

struct Sink<'s> {
    values: &'s mut Values,
    entries: &'s mut Vec<Entry>,
    limit: usize,
    judge: Option<&'s Judge<'s>>,
    undeclared: Option<&'s mut Vec<Entry>>,
}

/// What a definition says of a value of JSON.
type Judge<'j> = dyn Fn(&mut dyn Iterator<Item = Step<'_>>, &[u8]) -> Standing + 'j;

impl Sink<'_> {
    fn put(&mut self, name: &[u8], value: &[u8], standing: Standing) {
        let entry = Entry {
            name: self.values.add(name),
            value: Value::Text(self.values.add(value)),
            proven: standing.into(),
        };
        self.entries.push(entry);
        if let Some(undeclared) = &mut self.undeclared
            && !standing.declared
        {
            undeclared.push(entry);
        }
    }
}

impl Arguments for Sink<'_> {
    fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), BodyError> {
        if self.entries.len() >= self.limit {
            return Err(BodyError::TooManyArguments(self.limit));
        }
        self.put(name, value, Standing::default());
        Ok(())
    }

    fn add_leaf(
        &mut self,
        name: &[u8],
        path: &mut dyn Iterator<Item = Step<'_>>,
        value: &[u8],
    ) -> Result<(), BodyError> {
        let Some(judge) = self.judge else { return self.add(name, value) };
        if self.entries.len() >= self.limit {
            return Err(BodyError::TooManyArguments(self.limit));
        }
        let standing = judge(path, value);
        self.put(name, value, standing);
        Ok(())
    }
}

fn length(values: &Values, value: Value) -> usize {
    match value {
        Value::Text(id) => values.info(id).len as usize,
        Value::Number(_) => 0,
    }
}

/// The target without scheme and authority.
fn without_origin(target: &[u8]) -> &[u8] {
    if starts_with_ignoring_case(target, b"http://") || starts_with_ignoring_case(target, b"https://") {
        let start = crate::text::find(target, b"://").map_or(0, |at| at + 3);
        let end = target[start..].iter().position(|byte| matches!(byte, b'/' | b'?' | b'#'));
        return end.map_or(b"/", |end| &target[start + end..]);
    }
    target
}

/// The path with `%HH` decoded; what is no valid escape stays.
fn decode_path(path: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, tail @ ..] = rest {
        rest = match (first, hex_pair(tail)) {
            (b'%', Some(byte)) => {
                output.push(byte);
                &tail[2..]
            }
            _ => {
                output.push(*first);
                tail
            }
        };
    }
    output
}

/// The processor of a media type.
fn processor_for(media_type: &[u8]) -> Option<Processor> {
    let end = media_type
        .iter()
        .position(|byte| matches!(byte, b';' | b',' | b' ' | b'\t'))
        .unwrap_or(media_type.len());
    let essence = media_type[..end].to_ascii_lowercase();
    Some(match &*essence {
        b"application/x-www-form-urlencoded" => Processor::UrlEncoded,
        b"multipart/form-data" => Processor::Multipart,
        b"application/json" | b"text/json" => Processor::Json,
        b"application/xml" | b"text/xml" => Processor::Xml,
        other if other.ends_with(b"+json") => Processor::Json,
        other if other.ends_with(b"+xml") => Processor::Xml,
        _ => return None,
    })
}
