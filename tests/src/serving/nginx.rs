//! A real nginx, with servers made here or in `examples/`.

use std::path::Path;
use std::process::Command;

use super::Process;

/// Starts it with what stands in its `http` block. Its files are below a folder of the test's.
///
/// # Panics
///
/// It does not start.
pub fn start_nginx(folder: &Path, server: &str) -> Process {
    let folder = folder.join("nginx");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("portcullis.conf"), server).expect("it is written");
    let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {}/{kind};\n", folder.display()))
        .concat();
    let main = format!(
        "pid {0}/pid;\nerror_log stderr;\ndaemon off;\nworker_processes 1;\nevents {{}}\nhttp {{\n    access_log off;\n{temp}    \
         include {0}/portcullis.conf;\n}}\n",
        folder.display()
    );
    let path = folder.join("nginx.conf");
    std::fs::write(&path, main).expect("it is written");
    let program = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
    Process::start("nginx", Command::new(program).arg("-p").arg(&folder).arg("-c").arg(&path))
}
