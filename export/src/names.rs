//! What the parts of a record are called: OpenTelemetry's names, and beside them those of the Elastic Common Schema. One table.

/// One name of a record that is not a measurement.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Attribute {
    /// In the record, as OpenTelemetry's semantic conventions have it where they do.
    pub name: &'static str,
    /// In an index with ECS names.
    pub ecs: &'static str,
    /// What it is.
    pub doc: &'static str,
}

const fn same(name: &'static str, doc: &'static str) -> Attribute {
    Attribute { name, ecs: name, doc }
}

const fn ecs(name: &'static str, ecs: &'static str, doc: &'static str) -> Attribute {
    Attribute { name, ecs, doc }
}

/// What a caller may say of a stream, beside labels of its own.
pub const ATTRIBUTES: &[Attribute] = &[
    same("service.name", "The service that speaks."),
    same("service.version", "Its build."),
    ecs("service.instance.id", "service.node.name", "The process."),
    ecs("deployment.environment.name", "service.environment", "Production, staging..."),
    same("host.name", "The machine."),
    same("trace.id", "The trace the stream belongs to (W3C, 32 hexadecimal digits)."),
    same("span.id", "The span the stream belongs to (16 hexadecimal digits)."),
    same("http.request.id", "The request that was answered."),
    same("user_agent.original", "Who asked."),
    same("network.type", "How the listener is connected."),
    same("client.geo.country_iso_code", "Where the listener is: two letters."),
    // Proposed or in development at OpenTelemetry: if they change, they change here.
    same("gen_ai.operation.name", "What the model was asked for: text_to_speech."),
    same("gen_ai.request.model", "The model."),
    same("gen_ai.speech.voice", "The voice."),
    same("gen_ai.speech.language", "The language, as BCP 47 has it."),
    same("tts.text.chars", "Length of the text."),
    same("tts.stream.id", "The stream, by the server's own name."),
];

/// What every record has before its attributes.
pub(crate) const ENVELOPE: &[Attribute] = &[
    ecs("schema", "event.dataset", "Name and version of this schema."),
    ecs("report_id", "event.id", "UUID version 7, made when the report was finished."),
    ecs("rev", "event.sequence", "Rises when a report is sent again with more in it."),
    ecs("digest32", "event.hash", "CRC-32 of id, revision and everything behind it: stores are compared by its sum."),
    same("@timestamp", "When the stream ended, by the caller's clock; UTC."),
];

/// What stands before the name of a label that is none of [`ATTRIBUTES`].
pub const LABEL_PREFIX: &str = "labels.";

/// What stands before the name of everything measured.
pub const AUDIO_PREFIX: &str = "tts.audio.";

/// The name of a field of the record in an index with ECS names.
#[must_use]
pub fn to_ecs(name: &str) -> &str {
    let known = ENVELOPE.iter().chain(ATTRIBUTES).find(|a| a.name == name);
    known.map_or(name, |a| a.ecs)
}

pub(crate) fn is_known(name: &str) -> bool {
    ATTRIBUTES.iter().any(|a| a.name == name)
}
