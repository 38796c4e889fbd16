//! A file that is larger than the memory of its component.

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    net::TcpStream,
    time::Duration,
};

use e2e::{Application, World};
use sha2::{Digest as _, Sha256};

const SIZE: u64 = 1 << 30;
/// The maximum linear memory of an instance, in bytes.
const MEMORY: &str = "67108864";
const PIECE: usize = 1 << 20;

fn piece(number: u64) -> Vec<u8> {
    // The bytes of each piece are different, and cheap to generate.
    let seed = Sha256::digest(number.to_be_bytes());
    seed.iter().copied().cycle().take(PIECE).collect()
}

fn connect(application: &Application, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&application.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).unwrap();
    stream
}

/// Returns the status line, and a reader for the body.
fn read_head(stream: TcpStream) -> (String, BufReader<TcpStream>) {
    let mut reader = BufReader::with_capacity(PIECE, stream);
    let mut status = String::new();
    reader.read_line(&mut status).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line == "\r\n" || line.is_empty() {
            return (status, reader);
        }
    }
}

#[test]
fn gibibyte_file_fits_64_mebibyte_instance() {
    let world = World::get();
    let tenant = world.tenant();
    let limits = [("SPIN_MAX_INSTANCE_MEMORY", MEMORY)];
    let application = Application::start_with(&world.settings(), &world.services.folder(), &limits);
    let common = format!(
        "HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}",
        tenant.admin.access_token
    );
    let mut stream = connect(
        &application,
        &format!("PUT /api/v1/files/large {common}\r\ncontent-length: {SIZE}"),
    );
    let mut sent = Sha256::new();
    for number in 0..SIZE / PIECE as u64 {
        let piece = piece(number);
        sent.update(&piece[..64]);
        stream.write_all(&piece).unwrap();
    }
    let (status, mut rest) = read_head(stream);
    let mut body = String::new();
    rest.read_to_string(&mut body).unwrap();
    assert!(status.starts_with("HTTP/1.1 201"), "{status}{body}");

    let (status, mut reader) =
        read_head(connect(&application, &format!("GET /api/v1/files/large {common}")));
    assert!(status.starts_with("HTTP/1.1 200"), "{status}");
    let mut received = vec![0; PIECE];
    for number in 0..SIZE / PIECE as u64 {
        reader.read_exact(&mut received).unwrap();
        assert!(received == piece(number), "piece {number} differs");
    }
    assert_eq!(reader.read(&mut received).unwrap(), 0);
}
