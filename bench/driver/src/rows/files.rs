//! Large files, compared with the cipher that seals them.

use std::time::Instant;

use anyhow::{Result, ensure};

use crate::{
    effort::Effort,
    load::{Client, Request},
    report::{Row, Target},
    stage::Stage,
    statistics::Spread,
};

/// The minimum share of the cipher's speed.
const LEAST: f64 = 0.5;
const UNIT: &str = "MiB/s";

pub(crate) fn files(stage: &Stage, effort: &Effort) -> Result<Vec<Row>> {
    let mebibytes = effort.file_mebibytes;
    let length = mebibytes << 20;
    let path = "/api/v1/files/bench.bin";
    let put = Request::new("PUT", &stage.application.address, path)
        .token(&stage.tenant.access_token)
        .body(vec![7; length])
        .bytes();
    let get = stage.as_user(path).bytes();
    let aes = stage.floor(&format!("/aes?{mebibytes}")).bytes();
    let mut application = Client::connect(&stage.application.address)?;
    let mut floor = Client::connect(&stage.floor.address)?;
    // Bytes per second do not depend on the size of the file.
    #[expect(clippy::cast_precision_loss, reason = "a count, far from the limit")]
    let rate = |start: Instant| mebibytes as f64 / start.elapsed().as_secs_f64();
    let (mut sealed, mut written, mut read) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..=effort.rounds {
        let start = Instant::now();
        floor.send(&aes)?.checked()?;
        let of_aes = rate(start);
        let start = Instant::now();
        application.send(&put)?.checked()?;
        let of_put = rate(start);
        let start = Instant::now();
        let answer = application.send(&get)?.checked()?;
        let of_get = rate(start);
        ensure!(answer.body.len() == length, "the file has {} bytes", answer.body.len());
        // The first round opens connections and creates the file.
        if number > 0 {
            sealed.push(of_aes);
            written.push(of_put);
            read.push(of_get);
        }
    }
    let of_cipher = "floor: AES-256-GCM";
    let row = |name: &str, rates: &[f64]| {
        Row::of_rounds(&format!("{name} of {mebibytes} MiB"), rates, UNIT)
            .measured(Spread::of_ratios(rates, &sealed), of_cipher)
            .target(Target::AtLeast(LEAST))
    };
    Ok(vec![
        Row::of_rounds(of_cipher, &sealed, UNIT),
        row("files: PUT", &written),
        row("files: GET", &read),
    ])
}
