// The npm package `ws` on either end; says at its end what it has sent and received.
//   node peer.mjs server      node peer.mjs client URL
import { createHash, randomBytes } from "node:crypto";
import { WebSocket, WebSocketServer } from "ws";

const SIZES = [0, 1, 125, 126, 65535, 65536, 1 << 20];
const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");

function listen(socket, seen) {
  socket.on("message", (data, binary) => seen.received.push(digest(data, binary)));
  for (const kind of ["ping", "pong"]) {
    socket.on(kind, (data) => seen[kind + "s"].push(data.toString()));
  }
  return new Promise((done) =>
    socket.on("close", (code, reason) => done({ ...seen, close: [code, reason.toString()] })),
  );
}

const nothing = () => ({ sent: [], received: [], pings: [], pongs: [] });

function digest(data, binary) {
  const hash = createHash("sha256").update(data).digest("hex");
  return [binary ? "bytes" : "str", data.length, hash];
}

function send(socket, seen, data, binary) {
  seen.sent.push(digest(data, binary));
  if (seen.sent.length % 2 || data.length < 3) return socket.send(data, { binary });
  const third = Math.floor(data.length / 3);
  socket.send(data.subarray(0, third), { binary, fin: false });
  socket.send(data.subarray(third, 2 * third), { binary, fin: false });
  socket.send(data.subarray(2 * third), { binary, fin: true });
}

if (process.argv[2] === "server") {
  const options = { host: "127.0.0.1", port: 0, perMessageDeflate: { threshold: 100 } };
  const server = new WebSocketServer(options, () => say(server.address().port));
  server.on("connection", async (socket) => {
    const seen = nothing();
    socket.on("message", (data, binary) => {
      socket.ping("server " + seen.sent.length);
      send(socket, seen, Buffer.concat([data, Buffer.from("again")]), binary);
    });
    say(await listen(socket, seen));
    server.close();
  });
} else {
  const seen = nothing();
  const socket = new WebSocket(process.argv[3], { perMessageDeflate: true });
  const closed = listen(socket, seen);
  const queue = SIZES.flatMap((size) => [
    [randomBytes(size), true],
    [Buffer.from("ä".repeat(size >> 1) + randomBytes(size >> 2).toString("hex")), false],
  ]);
  const next = () => {
    const message = queue.shift();
    if (!message) return socket.close(4001, "done: ä");
    socket.ping("client " + seen.sent.length);
    send(socket, seen, ...message);
  };
  socket.on("open", next);
  socket.on("message", next);
  say(await closed);
}
