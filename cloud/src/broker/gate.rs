// SPDX-License-Identifier: MIT OR Apache-2.0
//! The listener that devices connect to: reads CONNECT, checks the sign-in, answers a refusal with a
//! CONNACK that says why, and hands an accepted connection on to the broker, byte for byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rumqttd::protocol::v4::V4;
use rumqttd::protocol::{Error, Packet, Protocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::data::Store;
use crate::data::model::DeviceKey;
use crate::note;

/// Checks client id, user name and password. The error is a line for the log.
pub type SignIn = Arc<dyn Fn(&str, &str, &str) -> Result<DeviceKey, String> + Send + Sync>;

/// Time for a client to send its CONNECT.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Time for the second direction of a connection to end after the first.
const LINGER: Duration = Duration::from_secs(2);
/// The largest CONNECT.
const MAX_CONNECT: usize = 16 * 1024;

/// CONNACK return code 1: unacceptable protocol version.
const BAD_PROTOCOL: u8 = 1;
/// CONNACK return code 4: bad user name or password.
const BAD_LOGIN: u8 = 4;

/// Serves `listener` for ever.
pub async fn run(listener: TcpListener, broker: SocketAddr, sign_in: SignIn, store: Arc<Store>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let (sign_in, store) = (sign_in.clone(), store.clone());
                tokio::spawn(serve(client, broker, sign_in, store));
            }
            Err(error) => {
                note(format_args!("accept: {error}"));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(mut client: TcpStream, broker: SocketAddr, sign_in: SignIn, store: Arc<Store>) {
    let Ok(Some((raw, login))) = timeout(CONNECT_TIME, read_connect(&mut client)).await else { return };
    let refusal = match login {
        None => Err(BAD_PROTOCOL),
        Some(login) => sign_in(&login.client_id, &login.user, &login.password).map_err(|why| {
            note(format_args!("sign-in refused: {why}"));
            BAD_LOGIN
        }),
    };
    match refusal {
        Err(code) => {
            // The client may be gone already; there is nobody to tell.
            let _ = client.write_all(&[0x20, 0x02, 0x00, code]).await;
            let _ = client.shutdown().await;
        }
        Ok(key) => {
            store.count_connection(&key, true);
            forward(client, broker, &raw).await;
            store.count_connection(&key, false);
        }
    }
}

struct Login {
    client_id: String,
    user: String,
    password: String,
}

/// Reads the first packet. `None`: the client left or sent something else. The login is `None` when the
/// packet is a CONNECT of another protocol version.
async fn read_connect(client: &mut TcpStream) -> Option<(BytesMut, Option<Login>)> {
    let mut raw = BytesMut::with_capacity(1024);
    loop {
        if client.read_buf(&mut raw).await.ok()? == 0 {
            return None;
        }
        // The parser consumes what it reads, and the broker is to get the same bytes.
        match V4.read_mut(&mut raw.clone(), MAX_CONNECT) {
            Ok(Packet::Connect(connect, _, _, _, login)) => {
                let (user, password) = login.map(|l| (l.username, l.password)).unwrap_or_default();
                return Some((raw, Some(Login { client_id: connect.client_id, user, password })));
            }
            Err(Error::InsufficientBytes(_)) if raw.len() <= MAX_CONNECT => {}
            Err(Error::InvalidProtocol | Error::InvalidProtocolLevel(_)) => return Some((raw, None)),
            _ => return None,
        }
    }
}

async fn forward(client: TcpStream, broker: SocketAddr, first: &[u8]) {
    let Ok(mut inner) = TcpStream::connect(broker).await else { return };
    // Small packets each way: waiting to fill a segment only adds delay.
    let _ = (client.set_nodelay(true), inner.set_nodelay(true));
    if inner.write_all(first).await.is_err() {
        return;
    }
    let (mut client_in, mut client_out) = client.into_split();
    let (mut inner_in, mut inner_out) = inner.into_split();
    let up = async {
        let _ = tokio::io::copy(&mut client_in, &mut inner_out).await;
        let _ = inner_out.shutdown().await;
    };
    let down = async {
        let _ = tokio::io::copy(&mut inner_in, &mut client_out).await;
        let _ = client_out.shutdown().await;
    };
    tokio::pin!(up, down);
    // When one direction ends the other gets a little time, so that what is on its way still arrives.
    tokio::select! {
        () = &mut up => { let _ = timeout(LINGER, down).await; }
        () = &mut down => { let _ = timeout(LINGER, up).await; }
    }
}
