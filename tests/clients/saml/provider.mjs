// A real SAML identity provider for the auth tests. The first line on stdin is JSON with its key, its certificate and our metadata: it
// prints its own. Each further line is a sign-in: the URL that the browser was sent to, what to sign, and whose address it is.
import readline from 'node:readline';
import * as samlify from 'samlify';

const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
samlify.setSchemaValidator({ validate: () => Promise.resolve('there is no schema here') });

function provider({ key, certificate }) {
  return samlify.IdentityProvider({
    entityID: 'https://samlify.test/metadata',
    privateKey: key,
    signingCert: certificate,
    isAssertionEncrypted: false,
    wantAuthnRequestsSigned: true,
    requestSignatureAlgorithm: RSA_SHA256,
    nameIDFormat: ['urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress'],
    singleSignOnService: [
      { Binding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', Location: 'https://samlify.test/sso' },
    ],
  });
}

async function signIn(begun, { url, sign, email }) {
  const idp = provider(begun);
  // Our metadata say that requests are signed only where the provider wants it: samlify needs to hear it of both.
  const metadata = begun.sp.replace('<SPSSODescriptor ', '<SPSSODescriptor AuthnRequestsSigned="true" ');
  const sp = samlify.ServiceProvider({ metadata, wantMessageSigned: sign !== 'assertion' });
  if (sign === 'message') sp.entitySetting.wantAssertionsSigned = false;
  const query = Object.fromEntries(new URL(url).searchParams);
  const octetString = new URL(url).search.slice(1).split('&Signature=')[0];
  const { extract } = await idp.parseLoginRequest(sp, 'redirect', { query, octetString });
  const { context } = await idp.createLoginResponse(sp, { extract }, 'post', { email });
  return { SAMLResponse: context, RelayState: query.RelayState };
}

let begun;
for await (const line of readline.createInterface({ input: process.stdin })) {
  const said = JSON.parse(line);
  let answer;
  if (!begun) {
    begun = said;
    answer = { metadata: provider(begun).getMetadata() };
  } else {
    answer = await signIn(begun, said).catch((error) => ({ error: String(error) }));
  }
  console.log(JSON.stringify(answer));
}
process.exit(0);
