//! Chunks that are alike.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::checks::chunk::check;

const CHUNKS: &[&str] = &[
    r#"{"id":"a","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}],"n":1}"#,
    r#"{"choices" : [ {"delta":{"content":""}, "logprobs":null} ]}"#,
    r#"{"choices":[{"delta":{"content":"\"\\\u00e9"}}],"\u0069":[{"content":"x"}]}"#,
];

proptest! {
    #[test]
    fn a_chunk_is_alike_only_if_it_says_the_same_but_for_its_content(
        chunk in select(CHUNKS),
        contents in vec(any::<String>(), 0..4),
        cut in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut lines = vec![chunk.to_owned()];
        lines.extend(contents.iter().map(|content| serde_json::to_string(content).unwrap()));
        let mut damaged = chunk.as_bytes().to_vec();
        let at = cut.index(damaged.len());
        damaged[at] = byte;
        // Not escaped: what JSON does not allow in a string is in it.
        let raw = contents.iter().map(|content| CHUNKS[0].replace("Hi", content));
        let bare = CHUNKS[0].replace("Hi", &char::from(byte).to_string());
        lines.extend(raw.chain([bare]));
        check(&[lines.join("\n").as_bytes(), b"\n", &damaged].concat());
    }
}
