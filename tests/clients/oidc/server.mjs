// A real OpenID provider for the auth tests. Prints its issuer; each line on stdin is JSON: the claims of whoever signs in next.
import readline from 'node:readline';
import { OAuth2Server } from 'oauth2-mock-server';

const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
await server.start(0, '127.0.0.1');

let user = { sub: 'nobody' };
server.service.on('beforeTokenSigning', (token) => Object.assign(token.payload, user));
server.service.on('beforeUserinfo', (answer) => { answer.body = user; });

console.log(server.issuer.url);
for await (const line of readline.createInterface({ input: process.stdin })) {
  const said = JSON.parse(line);
  if (said.sign) {
    // An ID token, as a phone's own software would get it.
    console.log(await server.issuer.buildToken({ scopesOrTransform: (_, payload) => Object.assign(payload, said.sign) }));
  } else {
    user = said;
    console.log('ok');
  }
}
process.exit(0);
