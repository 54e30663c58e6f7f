//! The numbers of the interface never change.

/// Every constant that is written by hand. New ones are added; a line that stands here is never changed.
const NUMBERS: &[(&str, i64)] = &[
    ("OTO_OK", 0),
    ("OTO_UNDEFINED", 1),
    ("OTO_NOT_COMPUTED", 2),
    ("OTO_ERR_NULL", -1),
    ("OTO_ERR_ARGUMENT", -2),
    ("OTO_ERR_UNSUPPORTED", -3),
    ("OTO_ERR_UNKNOWN_KEY", -4),
    ("OTO_ERR_OUT_OF_RANGE", -5),
    ("OTO_ERR_STATE", -6),
    ("OTO_ERR_BUFFER_TOO_SMALL", -7),
    ("OTO_ERR_MEMORY", -8),
    ("OTO_ERR_PANIC", -9),
    ("OTO_ERR_POISONED", -10),
    ("OTO_ERR_FULL", -11),
    ("OTO_ERR_IO", -12),
    ("OTO_ERR_TIMEOUT", -13),
    ("OTO_PUSH_SAME_CHUNK", 1),
    ("OTO_SEVERITY_INFO", 1),
    ("OTO_SEVERITY_WARNING", 2),
    ("OTO_SEVERITY_ERROR", 3),
    ("OTO_STATE_POINT", 0),
    ("OTO_STATE_OPEN", 1),
    ("OTO_STATE_CLOSED", 2),
    ("OTO_PACKET_RECEIVED", 0),
    ("OTO_PACKET_DISCARDED", 1),
    ("OTO_PACKET_LOST", 2),
    ("OTO_EXACTNESS_EXACT", 0),
    ("OTO_EXACTNESS_TOLERANCE", 1),
    ("OTO_PARAM_NUMBER", 0),
    ("OTO_PARAM_CHOICE", 1),
    ("OTO_SCORE_HIGHER_IS_BETTER", 1),
    ("OTO_SCORE_IN_STEP", 2),
    ("OTO_VERDICT_PASS", 1),
    ("OTO_VERDICT_FAIL", 2),
    ("OTO_VERDICT_NOT_MEASURED", 3),
    ("OTO_MONO_NONE", 0),
    ("OTO_MONO_ONCE", 1),
    ("OTO_MONO_DUAL", 2),
    ("OTO_ALIGN_NONE", 0),
    ("OTO_ALIGN_DELAY", 1),
    ("OTO_COMPARE_FRAMES", 1),
    ("OTO_SCRIPT_LATIN", 0),
    ("OTO_SCRIPT_CYRILLIC", 1),
    ("OTO_SCRIPT_GREEK", 2),
    ("OTO_SCRIPT_ABJAD", 3),
    ("OTO_SCRIPT_INDIC", 4),
    ("OTO_SCRIPT_SOUTHEAST_ASIAN", 5),
    ("OTO_SCRIPT_HAN", 6),
    ("OTO_SCRIPT_KANA", 7),
    ("OTO_SCRIPT_HANGUL", 8),
    ("OTO_ABI_VERSION", 1),
    ("OTO_EXPORTER_DELIVER", 1),
];

#[test]
fn no_number_was_ever_changed() {
    let header = include_str!("../../../include/otoscope.h");
    let (by_hand, catalogue) = header.split_once("Numbers of the catalogue").unwrap();
    let mut rest: Vec<&str> = by_hand.lines().filter_map(|l| l.strip_prefix("#define ")).collect();
    rest.retain(|l| l.starts_with("OTO_") && !l.starts_with("OTO_VERSION") && !l.contains("_INIT"));
    for (name, number) in NUMBERS {
        let found = rest.iter().position(|l| l.split_once(' ').is_some_and(|(n, _)| n == *name));
        let line = rest.remove(found.unwrap_or_else(|| panic!("{name} is gone")));
        let value = line[name.len()..].trim().trim_matches(['(', ')']).trim_end_matches('u');
        assert_eq!(value.parse(), Ok(*number), "{line}");
    }
    assert_eq!(
        rest,
        ["OTO_NO_TIME INT64_MIN", "OTO_NO_CHUNK UINT32_MAX"],
        "new constants are to be added to this list"
    );
    // Of the catalogue a few of each sort; ids are unique by a test of the core.
    for line in [
        "OTO_METRIC_LOUDNESS 4u",
        "OTO_FIELD_LOUDNESS_INTEGRATED_LUFS 0x00040001u",
        "OTO_KIND_JOIN_STEP 1u",
        "OTO_METRIC_E_MODEL 25u",
        "OTO_FIELD_E_MODEL_TA_MS 0x00190016u",
    ] {
        assert!(catalogue.contains(&format!("#define {line}\n")), "{line}");
    }
}
