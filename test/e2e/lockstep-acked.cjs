// Runs on the test's Debian machine, by the installed runtime: sends numbered messages one after the other, each until it is
// acknowledged, on a connection that is made again when it ends. Prints the ids that were acknowledged when the file `stop` is there.
const { existsSync, writeFileSync } = require('node:fs');
const { connect } = require('node:net');

const [port, stop, result] = process.argv.slice(2);
const acked = [];
const wrong = [];
let next = 1;

function open() {
  const socket = connect(Number(port), '127.0.0.1');
  let text = '';
  const send = () => {
    if (existsSync(stop)) {
      writeFileSync(result, JSON.stringify({ acked, wrong }));
      process.exit();
    }
    socket.write(`\x0bMSH|^~\\&|LAB|H|M|H|20260101||ADT^A01|ID${next}|P|2.5\rEVN|A01|20260101\r\x1c\r`);
  };
  socket.on('connect', send);
  socket.on('data', (data) => {
    text += data;
    if (!text.endsWith('\x1c\r')) return;
    const [, code, id] = /\rMSA\|(\w+)\|(\w+)/.exec(text) ?? [];
    text = '';
    if (code === 'AA' && id === `ID${next}`) acked.push(id);
    else wrong.push(`${code} ${id} for ID${next}`);
    next++;
    send();
  });
  socket.on('error', () => {});
  socket.on('close', () => setTimeout(open, 10));
}
open();
