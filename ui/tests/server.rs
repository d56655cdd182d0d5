//! Who gets the page, and how changes reach it.

#![allow(clippy::unwrap_used)]

mod swarm;

use std::sync::Arc;

use hive_ui::Server;
use hive_ui::server::Title;
use hive_ui::watch::Board;
use serde_json::{Value, json};
use swarm::Swarm;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A server that answers, its address and its path with the token.
struct Running {
    board: Arc<Board>,
    address: String,
    path: String,
}

async fn start() -> Running {
    let board = Arc::new(Board::default());
    let title = Title {
        site: "shop.example".into(),
        stage: "private".into(),
    };
    let server = Server::bind(0, title, board.clone()).await.unwrap();
    let url = server.url();
    let (address, path) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    tokio::spawn(server.run());
    Running {
        board,
        address: address.to_owned(),
        path: format!("/{path}"),
    }
}

impl Running {
    async fn ask(&self, method: &str, path: &str, host: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }

    async fn get(&self, path: &str) -> (u16, String, String) {
        self.ask("GET", &format!("{}{path}", self.path), &self.address)
            .await
    }
}

#[tokio::test]
async fn the_page_is_bound_to_the_loopback_interface_and_its_address_is_not_guessed() {
    let (one, other) = (start().await, start().await);
    assert!(one.address.starts_with("127.0.0.1:"));
    assert_ne!(one.path, other.path);
    assert!(one.path.len() >= 32);
    let (status, _, body) = one.ask("GET", "/", &one.address).await;
    assert_eq!(status, 404);
    assert!(body.contains("hive ui"));
    assert_eq!(one.ask("GET", &other.path, &one.address).await.0, 404);
    assert_eq!(one.ask("GET", "/api/snapshot", &one.address).await.0, 404);
}

#[tokio::test]
async fn a_name_that_was_made_to_point_here_gets_nothing() {
    let running = start().await;
    let port = running.address.rsplit(':').next().unwrap();
    for host in ["evil.example", &format!("evil.example:{port}"), "127.0.0.1"] {
        let (status, _, body) = running.ask("GET", &running.path, host).await;
        assert_eq!(status, 421, "{host}");
        assert!(!body.contains("<html"));
    }
    let (status, _, _) = running
        .ask("GET", &running.path, &format!("localhost:{port}"))
        .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn every_answer_forbids_what_the_page_does_not_need() {
    let running = start().await;
    for path in [
        "",
        "page.js",
        "page.css",
        "icon.svg",
        "api/snapshot",
        "nothing",
    ] {
        let (_, head, _) = running.get(path).await;
        assert!(
            head.contains("content-security-policy: default-src 'none';"),
            "{path}"
        );
        assert!(
            head.contains("referrer-policy: no-referrer")
                && head.contains("cache-control: no-store")
        );
        assert!(head.contains("x-content-type-options: nosniff"));
        assert!(!head.contains("access-control-allow-origin"));
        assert!(!head.contains("unsafe-inline"));
    }
}

#[tokio::test]
async fn only_reading_is_possible() {
    let running = start().await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        for path in ["", "api/snapshot"] {
            let path = format!("{}{path}", running.path);
            let (status, head, _) = running.ask(method, &path, &running.address).await;
            assert_eq!(status, 405, "{method}");
            assert!(head.contains("allow: get, head"));
        }
    }
    let (status, _, body) = running.ask("HEAD", &running.path, &running.address).await;
    assert_eq!((status, body.as_str()), (200, ""));
}

#[tokio::test]
async fn all_parts_of_the_page_are_there() {
    let running = start().await;
    let (status, head, html) = running.get("").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/html"));
    let mut parts = 0;
    for part in html
        .split('"')
        .filter(|part| part.ends_with(".js") || part.ends_with(".css") || part.ends_with(".svg"))
    {
        assert_eq!(running.get(part).await.0, 200, "{part}");
        parts += 1;
    }
    assert!(parts >= 5);
}

#[tokio::test]
async fn the_snapshot_is_told_with_the_state_of_the_connection() {
    let running = start().await;
    let told = |body: &str| serde_json::from_str::<Value>(body).unwrap();
    let first = told(&running.get("api/snapshot").await.2);
    assert_eq!(first["link"]["state"], "connecting");
    assert_eq!(first["snapshot"], Value::Null);
    running.board.seen(Swarm::big().snapshot());
    let second = told(&running.get("api/snapshot").await.2);
    assert_eq!(
        second["title"],
        json!({"site": "shop.example", "stage": "private"})
    );
    assert_eq!(second["link"]["state"], "live");
    assert_eq!(second["snapshot"]["services"].as_array().unwrap().len(), 50);
}

struct Events(BufReader<TcpStream>);

impl Events {
    async fn open(running: &Running) -> Self {
        let stream = TcpStream::connect(&running.address).await.unwrap();
        let mut events = BufReader::new(stream);
        let request = format!(
            "GET {}api/events HTTP/1.1\r\nHost: {}\r\n\r\n",
            running.path, running.address
        );
        events.write_all(request.as_bytes()).await.unwrap();
        Self(events)
    }

    /// The next event: its name and data.
    async fn next(&mut self) -> (String, String) {
        let mut name = String::new();
        loop {
            let mut line = String::new();
            assert!(
                self.0.read_line(&mut line).await.unwrap() > 0,
                "the stream has ended"
            );
            let line = line.trim_end();
            if let Some(event) = line.strip_prefix("event: ") {
                name = event.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (name, data.to_owned());
            }
        }
    }
}

#[tokio::test]
async fn a_change_reaches_the_page_at_once_and_no_change_is_a_short_word() {
    let running = start().await;
    let mut swarm = Swarm::new(3);
    swarm.running("web", 1, json!({}));
    running.board.seen(swarm.snapshot());
    let mut events = Events::open(&running).await;
    let (name, data) = events.next().await;
    assert_eq!(name, "state");
    assert!(data.contains("\"web\""));

    swarm.now += 2000;
    running.board.seen(swarm.snapshot());
    assert_eq!(
        events.next().await,
        ("seen".to_owned(), swarm.now.to_string())
    );

    swarm.running("api", 1, json!({}));
    running.board.seen(swarm.snapshot());
    let (name, data) = events.next().await;
    assert_eq!(name, "state");
    assert!(data.contains("\"api\""));
}
