// Runs inside a network namespace where the firewall redirects ports to the proxy: starts it on the
// configuration given, connects to each address given and prints what each answered, as JSON.
import { once } from "node:events";
import net from "node:net";
import { outriggerCommand, ProxyProcess } from "../kit/proxy-process.ts";

const ADMIN_PORT = 15000;

async function answerOf(address: string): Promise<string> {
  const at = address.lastIndexOf(":");
  const socket = net.connect(Number(address.slice(at + 1)), address.slice(0, at));
  let text = "";
  socket.on("data", (data) => {
    text += String(data);
  });
  socket.on("error", (error) => {
    text = error.message;
  });
  await once(socket, "close");
  return text;
}

const [configFile = "", ...addresses] = process.argv.slice(2);
const proxy = await ProxyProcess.start(outriggerCommand(), configFile, ADMIN_PORT);
const answers: Record<string, string> = {};
for (const address of addresses) answers[address] = await answerOf(address);
await proxy.stop();
console.log(JSON.stringify(answers));
