//! A PgBouncer of the test's own in transaction mode, between the store and PostgreSQL.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::ports::free_port;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};

use super::Schema;

pub(crate) struct PgBouncer {
    process: Child,
    folder: PathBuf,
    options: PgConnectOptions,
}

const PROGRAM: &str = "pgbouncer";

impl PgBouncer {
    /// One with so many connections to the server, for any number of clients.
    pub(crate) async fn start(schema: &Schema, servers: u32) -> Self {
        let places = std::env::var_os("PATH").unwrap_or_default();
        let mut places: Vec<_> = std::env::split_paths(&places).collect();
        // Where Debian has it, and not every PATH.
        places.push("/usr/sbin".into());
        let program = places.iter().map(|place| place.join(PROGRAM)).find(|file| file.is_file());
        let program = program.expect("the tests need PgBouncer: apt-get install pgbouncer");
        let server = schema.options();
        let folder = std::env::temp_dir().join(format!("{}-pgbouncer", schema.name));
        std::fs::create_dir(&folder).unwrap();
        let port = free_port();
        let database = server.get_database().unwrap_or("postgres");
        let ini = format!(
            "[databases]\n* = host={} port={} dbname={database} user={}\n\
            [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
            auth_type = any\npool_mode = transaction\ndefault_pool_size = {servers}\n\
            max_client_conn = 200\nignore_startup_parameters = extra_float_digits,options\n\
            server_check_delay = 0\nserver_reset_query =\n",
            server.get_host(),
            server.get_port(),
            // `any` takes every client, and logs in as this one.
            server.get_username(),
        );
        std::fs::write(folder.join("ini"), ini).unwrap();
        let mut command = Command::new(program);
        command.arg(folder.join("ini")).current_dir(&folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if std::fs::metadata("/proc/self").is_ok_and(|itself| itself.uid() == 0) {
            // It refuses to be run by root.
            const NOBODY: u32 = 65_534;
            chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
            chown(folder.join("ini"), Some(NOBODY), Some(NOBODY)).unwrap();
            command.uid(NOBODY).gid(NOBODY);
        }
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).unwrap();
        let process = command.spawn().unwrap();
        let options = server.host("127.0.0.1").port(port);
        let started = Self { process, folder, options };
        for _ in 0..1_000 {
            if PgConnection::connect_with(&started.options).await.is_ok() {
                return started;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("PgBouncer does not answer");
    }

    /// A pool of clients.
    pub(crate) fn pool(&self, connections: u32) -> PgPool {
        let pool = PgPoolOptions::new().max_connections(connections);
        pool.acquire_timeout(Duration::from_secs(20)).connect_lazy_with(self.options.clone())
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
