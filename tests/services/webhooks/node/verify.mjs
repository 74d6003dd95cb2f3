// Verifies webhooks with the unmodified library: reads one JSON array [{secret, headers, body (base64)}], says for each whether it verifies.
import { Webhook } from "standardwebhooks";

let read = "";
for await (const part of process.stdin) read += part;
const verified = JSON.parse(read).map(({ secret, headers, body }) => {
  try {
    new Webhook(secret).verify(Buffer.from(body, "base64").toString("utf8"), headers);
    return true;
  } catch {
    return false;
  }
});
process.stdout.write(JSON.stringify(verified));
