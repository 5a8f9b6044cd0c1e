//! What goes wrong besides messages: processes, clocks, the store and the network.

use std::rc::Rc;

use super::{Run, lease};
use crate::executor::{self, Micros, SECOND, after, at, change_machine, choose, machine, now};
use crate::network::store;
use crate::process::{Server, Settings, set_server};
use crate::world::{World, say, world};

impl Run {
    pub(super) fn add_troubles(&mut self) {
        let (processes, calm_at) = (self.processes, self.calm_at);
        for _ in 0..choose(|tape| tape.below(8)) {
            self.troubles += 1;
            let (when, long) = choose(|tape| {
                // Most of what happens happens in the first minutes.
                let when = Micros::from(tape.below(800)) * SECOND / 4;
                (when.min(calm_at), Micros::from(tape.below(1_200)) * SECOND / 8)
            });
            let process = choose(|tape| tape.below(processes as u32) as usize);
            let settings = Rc::clone(&self.settings);
            let lease = lease(&settings);
            let what = choose(|tape| tape.below(7));
            // In half of the worlds every clock is right.
            match if self.clocks_are_set { what } else { what % 4 } {
                0 => at(when, move || kill_and_start(process, long, &settings)),
                1 => at(when, move || {
                    // Some servers that are too busy work for a while and answer nobody in time.
                    let mute = choose(|tape| tape.below(8).saturating_sub(1)) as Micros * lease / 4;
                    World::cover("store", if mute > 0 { "mute, then away" } else { "away" });
                    say(|| format!("the store answers nothing for {} s", mute / SECOND));
                    store(|store| store.mute_until = now() + mute);
                    after(mute, move || {
                        if world(|world| world.troubled) {
                            say(|| format!("the store is away for {} s", long / SECOND));
                            store(|store| store.away_until = now() + long);
                        }
                    });
                }),
                2 => at(when, move || {
                    World::cover("process", "paused");
                    say(|| format!("process {process} is paused for {} s", long / SECOND));
                    change_machine(process, |machine| {
                        machine.paused_until = machine.paused_until.max(now() + long);
                    });
                }),
                3 => at(when, move || {
                    World::cover("network", "storm");
                    say(|| format!("most messages go wrong for {} s", long / SECOND));
                    store(|store| store.storm_until = now() + long);
                }),
                4 => at(when, move || {
                    let by = choose(|tape| tape.pick(&[5, -5, 40, -40, -3_600]));
                    World::cover("process", "clock set");
                    say(|| format!("the clock of process {process} is set by {by} s"));
                    change_machine(process, |machine| machine.ahead += by * SECOND as i64);
                }),
                5 => at(when, move || {
                    let by = choose(|tape| tape.pick(&[1, 30, 600]));
                    World::cover("store", "clock set back");
                    say(|| format!("the store's clock is set back by {by} s"));
                    world(|world| world.set_back = true);
                    store(|store| store.model.ahead -= by * SECOND as i64);
                }),
                _ => at(when, move || {
                    let by = choose(|tape| tape.pick(&[3, 90, 7_200]));
                    World::cover("store", "clock set forward");
                    say(|| format!("the store's clock is set forward by {by} s"));
                    world(|world| world.hurried = true);
                    store(|store| store.model.ahead += by * SECOND as i64);
                }),
            }
        }
    }

    pub(super) fn kill(&mut self, process: usize) {
        let long = choose(|tape| Micros::from(tape.below(400)) * SECOND / 8);
        kill_and_start(process, long, &self.settings);
    }

    /// From here on nothing goes wrong.
    pub(super) fn calm(&mut self) {
        say(|| "from here on nothing goes wrong".to_owned());
        world(|world| world.troubled = false);
        store(|store| {
            store.trouble = 0;
            (store.mute_until, store.away_until, store.storm_until) = (0, 0, 0);
        });
        for process in 0..self.processes {
            if !machine(process).is_up {
                start(process, &self.settings);
            }
        }
    }
}

pub(super) fn start(process: usize, settings: &Rc<Settings>) {
    executor::start(process);
    set_server(process, Some(Server::new(process, settings)));
}

pub fn kill_and_start(process: usize, down: Micros, settings: &Rc<Settings>) {
    if !machine(process).is_up || !world(|world| world.troubled) {
        return;
    }
    World::cover("process", "killed");
    say(|| format!("process {process} is killed, for {} s", down / SECOND));
    executor::kill(process);
    set_server(process, None);
    let settings = Rc::clone(settings);
    after(down, move || {
        if !machine(process).is_up {
            say(|| format!("process {process} is started again"));
            start(process, &settings);
        }
    });
}
