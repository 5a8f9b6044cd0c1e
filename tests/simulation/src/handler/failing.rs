//! A handler that fails, in the ways in which the attempts of an event end.

use std::rc::Rc;

use countersign::Delivery;

use super::hang;
use crate::executor::{MILLI, Micros, Process, SECOND, after, choose, wait};
use crate::parking::GIVES_UP;
use crate::process::Settings;
use crate::run::kill_and_start;

pub async fn fail(process: Process, delivery: &Delivery, settings: &Rc<Settings>) -> u16 {
    wait(choose(|tape| tape.pick(&[0, 0, 40 * MILLI, 12 * SECOND]))).await;
    match choose(|tape| tape.below(8)) {
        0..=3 => 500,
        4 => {
            delivery.set_failure("what it needs is down");
            503
        }
        5 => panic!("as planned"),
        6 => {
            // It ends its process.
            let down = choose(|tape| Micros::from(tape.below(40)) * SECOND / 8);
            let settings = Rc::clone(settings);
            after(0, move || kill_and_start(process, down, &settings));
            hang().await;
            500
        }
        _ => {
            delivery.park(GIVES_UP);
            400
        }
    }
}
