//! Connections that keep others out.

use std::io::Read as _;
use std::process::Command;

use crate::program::{Program, command};
use crate::sender::{connect, piora};

/// The program with no more than this many open files.
fn limited(files: usize) -> Program {
    let listen = command(&["listen", "--addr", "127.0.0.1:0", "--provider", "piora=env:SECRET"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")]);
    limited.arg(listen.get_program()).args(listen.get_args());
    limited.envs(listen.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Program::spawn(limited)
}

#[test]
fn half_heads_do_not_keep_others_out() {
    let mut program = limited(48);
    let head = "POST /webhooks/piora HTTP/1.1\r\nhost: h\r\n";
    let halves: Vec<_> = (0..60).map(|_| connect(program.addr, head)).collect();
    assert_eq!(piora("behind them").send(&program).status, 200);
    for mut half in halves.into_iter().take(10) {
        assert_eq!(half.read(&mut [0]).unwrap(), 0, "still open");
    }
    assert!(program.stderr().contains("cannot accept connections"), "{}", program.stderr());
    assert_eq!(program.stop(), Some(0));
}
