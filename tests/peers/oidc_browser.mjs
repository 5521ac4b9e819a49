// Somebody at a browser who signs in and consents at the provider.
//
// node oidc_browser.mjs LINK
//
// It follows the link, and prints where the provider sends it in the end, without going there.
import { request } from 'node:https';

const cookies = new Map();
let url = new URL(process.argv[2]);
const home = url.origin;

function go(form) {
  const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
  if (form) headers['content-type'] = 'application/x-www-form-urlencoded';
  const options = { method: form ? 'POST' : 'GET', headers, agent: false, rejectUnauthorized: false };
  return new Promise((resolve, reject) => {
    const outgoing = request(url, options, (answer) => {
      for (const line of answer.headers['set-cookie'] ?? []) {
        const [pair] = line.split(';');
        const at = pair.indexOf('=');
        cookies.set(pair.slice(0, at), pair.slice(at + 1));
      }
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => (text += part));
      answer.on('end', () => resolve({ status: answer.statusCode, location: answer.headers.location, text }));
    });
    outgoing.on('error', reject);
    outgoing.end(form?.toString());
  });
}

let answer = await go();
for (let step = 0; step < 20; step += 1) {
  if (answer.location) {
    url = new URL(answer.location, url);
    if (url.origin !== home) break;
    answer = await go();
    continue;
  }
  const prompt = /name="prompt" value="(\w+)"/.exec(answer.text)?.[1];
  if (!prompt) throw new Error(`status ${answer.status} at ${url}: ${answer.text.slice(0, 500)}`);
  answer = await go(new URLSearchParams(prompt === 'login' ? { prompt, login: 'somebody', password: 'x' } : { prompt }));
}
console.log(url.href);
