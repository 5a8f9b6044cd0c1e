//! How often a delivery allocates, behind the layer and by hand, on axum and on actix-web. A count, and
//! no time: it is the same in every run. With `--sites` it prints where, with names and lines.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};

use actix_web::test::{TestRequest, call_service, init_service};
use countersign_benches::actix::routes;
use countersign_benches::event::Events;
use countersign_benches::sender::{HOSTWARES, PIORA, Sender};
use countersign_benches::service::{app, one_thread, request};
use tower::ServiceExt;

/// The system's allocator, with a count for each thread.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static LARGEST: Cell<usize> = const { Cell::new(0) };
    /// Whether the next ones are kept, and where they came from.
    static KEEPS: Cell<bool> = const { Cell::new(false) };
    static SITES: RefCell<Vec<(usize, Backtrace)>> = const { RefCell::new(Vec::new()) };
}

fn count(size: usize) {
    COUNT.set(COUNT.get() + 1);
    LARGEST.set(LARGEST.get().max(size));
    // To keep one allocates as well.
    if KEEPS.replace(false) {
        SITES.with_borrow_mut(|sites| sites.push((size, Backtrace::force_capture())));
        KEEPS.set(true);
    }
}

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

/// How many deliveries are taken before one is looked at: tables have grown then, and of the store's
/// shards few are at the size where they grow.
const BEFORE: usize = 10_000;
const DELIVERIES: usize = 101;

/// What one delivery allocates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Taken {
    count: usize,
    /// The largest piece, in bytes.
    largest: usize,
}

fn main() {
    let sites = std::env::args().any(|argument| argument == "--sites");
    println!("{:<24} {:>8} {:>8} {:>6}", "allocations", "by hand", "layered", "more");
    for sender in [&HOSTWARES, &PIORA] {
        for (framework, take) in [("axum", on_axum as Take), ("actix-web", on_actix)] {
            let name = format!("{framework}, {}", sender.name);
            let by_hand = median(take(sender, sender.by_hand));
            let layered = median(take(sender, sender.layered));
            let more = layered.count as i64 - by_hand.count as i64;
            println!("{name:<24} {:>8} {:>8} {more:>+6}", by_hand.count, layered.count);
            println!("{:<24} {:>8} {:>8}", "  largest, bytes", by_hand.largest, layered.largest);
            if sites {
                print_sites();
            }
        }
    }
}

/// Takes deliveries of a sender on a route, and says what each allocated.
type Take = fn(&'static Sender, &str) -> Vec<Taken>;

fn median(mut all: Vec<Taken>) -> Taken {
    all.sort();
    all[all.len() / 2]
}

fn on_axum(sender: &'static Sender, path: &str) -> Vec<Taken> {
    let (app, mut events) = (app(), Events::of(sender, 1024));
    one_thread().block_on(async {
        let mut all = Vec::new();
        for number in 0..BEFORE + DELIVERIES {
            let (app, request) = (app.clone(), request(path, &mut events));
            begin(number == BEFORE);
            let response = app.oneshot(request).await;
            let taken = end();
            assert_eq!(response.map(|response| response.status().as_u16()), Ok(204));
            all.push(taken);
        }
        all.split_off(BEFORE)
    })
}

fn on_actix(sender: &'static Sender, path: &str) -> Vec<Taken> {
    let mut events = Events::of(sender, 1024);
    actix_web::rt::System::new().block_on(async {
        let app = init_service(actix_web::App::new().configure(routes())).await;
        let mut all = Vec::new();
        for number in 0..BEFORE + DELIVERIES {
            let (parts, _) = request(path, &mut events).into_parts();
            let body = events.last_body();
            let mut request = TestRequest::post().uri(path).set_payload(body);
            for (name, value) in &parts.headers {
                request = request.insert_header((name.as_str(), value.as_bytes()));
            }
            let request = request.to_request();
            begin(number == BEFORE);
            let response = call_service(&app, request).await;
            let taken = end();
            assert_eq!(response.status().as_u16(), 204);
            all.push(taken);
        }
        all.split_off(BEFORE)
    })
}

fn begin(keeps: bool) {
    if keeps {
        SITES.take();
    }
    COUNT.set(0);
    LARGEST.set(0);
    KEEPS.set(keeps);
}

fn end() -> Taken {
    KEEPS.set(false);
    Taken { count: COUNT.get(), largest: LARGEST.get() }
}

/// Where the last route's delivery allocated.
fn print_sites() {
    for (size, trace) in SITES.take() {
        println!("  {size} bytes");
        let trace = trace.to_string();
        let lines: Vec<_> = trace.lines().map(str::trim).collect();
        // A frame is a name, and mostly a line with its place.
        let frames = lines.windows(2).filter(|frame| !frame[0].starts_with("at "));
        let frames = frames.skip_while(|frame| !frame[0].contains("__rust_alloc")).skip(1);
        let own = frames.filter(|frame| !frame[1].contains("/rustc/"));
        for [name, place] in own.take(12).filter_map(|frame| frame.first_chunk()) {
            let name = name.split_once(": ").map_or(*name, |(_, name)| name);
            let place = if place.starts_with("at ") { place } else { "" };
            println!("    {name} {place}");
        }
    }
}
