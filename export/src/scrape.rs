//! A server for one page, made anew for everyone who asks: what a scrape needs and no more.
//!
//! A scrape is one GET. Std's listener with deadlines for slow clients and a bound on their number is less than any server crate brings along
//! (`tiny_http` sets no time limits); the head is parsed by `httparse`. Nothing is encrypted and there is no password: by default it is used on
//! loopback.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Clients at once.
const MOST_CLIENTS: usize = 16;
/// For the whole head of a request, and again for each write of the answer.
const CLIENT_PATIENCE: Duration = Duration::from_secs(10);
/// Of a request.
const LONGEST_HEAD: usize = 16 << 10;
/// How long the listener sleeps when nobody comes: what a scrape waits at most.
const NAP: Duration = Duration::from_millis(20);

/// Makes the page from the request's `Accept`: its content type, and itself.
type Page = Box<dyn Fn(&str) -> (&'static str, String) + Send + Sync>;

/// Serves `/metrics` until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(
        listen: SocketAddr,
        page: impl Fn(&str) -> (&'static str, String) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let (address, stop) = (listener.local_addr()?, Arc::new(AtomicBool::new(false)));
        let (stopped, page): (_, Arc<Page>) = (Arc::clone(&stop), Arc::new(Box::new(page)));
        let thread = std::thread::Builder::new()
            .name("otoscope-scrape".to_owned())
            .spawn(move || serve(&listener, &stopped, &page))?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A client, while it is there.
struct Guest(Arc<AtomicUsize>);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Each client has a thread, so that a slow one keeps nobody waiting.
fn serve(listener: &TcpListener, stop: &AtomicBool, page: &Arc<Page>) {
    let guests = Arc::new(AtomicUsize::new(0));
    while !stop.load(Ordering::Acquire) {
        match listener.accept() {
            Ok((client, _)) => {
                let before = guests.fetch_add(1, Ordering::AcqRel);
                let (guest, page) = (Guest(Arc::clone(&guests)), Arc::clone(page));
                if before >= MOST_CLIENTS {
                    continue;
                }
                // Where no thread is to be had, the client is dropped and asks again.
                let _ = std::thread::Builder::new().name("otoscope-scraped".to_owned()).spawn(move || {
                    let _guest = guest;
                    let _ = answer(client, &page);
                });
            }
            // Nobody, or no descriptor left: later.
            Err(_) => std::thread::sleep(NAP),
        }
    }
}

struct Asked {
    method: String,
    path: String,
    accept: String,
}

fn answer(mut client: TcpStream, page: &Page) -> io::Result<()> {
    client.set_nonblocking(false)?;
    client.set_write_timeout(Some(CLIENT_PATIENCE))?;
    let asked = read_head(&mut client)?;
    let is_head = matches!(&asked, Ok(asked) if asked.method == "HEAD");
    let plain = "text/plain; charset=utf-8";
    let (status, (kind, body)) = match asked {
        Err(status) => (status, (plain, format!("{status}\n"))),
        Ok(asked) if asked.method != "GET" && !is_head => {
            ("405 Method Not Allowed", (plain, "Only GET and HEAD.\n".to_owned()))
        }
        Ok(asked) if asked.path.split('?').next() == Some("/metrics") => ("200 OK", page(&asked.accept)),
        Ok(_) => ("404 Not Found", (plain, "There is only /metrics.\n".to_owned())),
    };
    let len = body.len();
    let mut text =
        format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n");
    if !is_head {
        text.push_str(&body);
    }
    client.write_all(text.as_bytes())
}

/// The head of the request, or the status it deserves.
fn read_head(client: &mut TcpStream) -> io::Result<Result<Asked, &'static str>> {
    let (start, mut bytes) = (Instant::now(), Vec::new());
    loop {
        let left = CLIENT_PATIENCE.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        client.set_read_timeout(Some(left))?;
        let mut piece = [0; 2048];
        let n = client.read(&mut piece)?;
        bytes.extend_from_slice(&piece[..n]);
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&bytes) {
            Ok(httparse::Status::Complete(_)) => {
                let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                let accept = request.headers.iter().filter(|h| h.name.eq_ignore_ascii_case("accept"));
                let accept: Vec<_> = accept.map(|h| String::from_utf8_lossy(h.value)).collect();
                let (method, path) = (text(request.method), text(request.path));
                return Ok(Ok(Asked { method, path, accept: accept.join(",") }));
            }
            Ok(httparse::Status::Partial) if n == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(httparse::Status::Partial) if bytes.len() < LONGEST_HEAD => {}
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                return Ok(Err("431 Request Header Fields Too Large"));
            }
            Err(_) => return Ok(Err("400 Bad Request")),
        }
    }
}
