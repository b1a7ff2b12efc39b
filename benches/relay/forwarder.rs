//! What the servent is compared with: whatever comes in on one connection goes out on all others.
//! No protocol, no queues; epoll and blocking writes.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;

use rustix::event::epoll;

/// Listens, says where, and forwards until the parent closes its end of our input.
pub(crate) fn run(say: impl Fn(SocketAddr)) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    say(listener.local_addr()?);
    let ready = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let add = |fd: &dyn std::os::fd::AsFd, name: u64| {
        epoll::add(&ready, fd.as_fd(), epoll::EventData::new_u64(name), epoll::EventFlags::IN)
    };
    add(&io::stdin().as_fd(), u64::MAX)?;
    add(&listener.as_fd(), u64::MAX - 1)?;
    let mut streams: Vec<TcpStream> = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    let mut events = Vec::with_capacity(64);
    loop {
        events.clear();
        epoll::wait(&ready, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in &events {
            match event.data.u64() {
                u64::MAX => return Ok(()),
                name if name == u64::MAX - 1 => {
                    let (stream, _) = listener.accept()?;
                    stream.set_nodelay(true)?;
                    add(&stream.as_fd(), streams.len() as u64)?;
                    streams.push(stream);
                }
                from => {
                    let len = (&streams[from as usize]).read(&mut buffer)?;
                    if len == 0 {
                        return Ok(());
                    }
                    for (to, mut stream) in streams.iter().enumerate() {
                        if to != from as usize {
                            stream.write_all(&buffer[..len])?;
                        }
                    }
                }
            }
        }
    }
}
