/**
 * Credential checks in a page, with the same answers as the server. What a page decides is advice: the server decides for itself.
 *
 * @packageDocumentation
 */

import { Portcullis } from './full-api.js';
// In a page one, in Node another: see "imports" in package.json.
import { platform } from '#full';

let shared: Portcullis | undefined;

function common(): Portcullis {
  shared ??= createPortcullis();
  return shared;
}

/** An instance of its own, with a worker of its own; to be closed when it is done with. */
export function createPortcullis(): Portcullis {
  return new Portcullis(platform);
}

/** {@link Portcullis.verifyToken} of the instance that a page has in common. */
export const verifyToken: Portcullis['verifyToken'] = (...args) => common().verifyToken(...args);

/** {@link Portcullis.explainToken} of the instance that a page has in common. */
export const explainToken: Portcullis['explainToken'] = (...args) => common().explainToken(...args);

/** {@link Portcullis.inspectTokenUntrusted} of the instance that a page has in common. */
export const inspectTokenUntrusted: Portcullis['inspectTokenUntrusted'] = (...args) => common().inspectTokenUntrusted(...args);

/** {@link Portcullis.describeKeys} of the instance that a page has in common. */
export const describeKeys: Portcullis['describeKeys'] = (...args) => common().describeKeys(...args);

/** {@link Portcullis.lookupStatus} of the instance that a page has in common. */
export const lookupStatus: Portcullis['lookupStatus'] = (...args) => common().lookupStatus(...args);

/** {@link Portcullis.explainStatus} of the instance that a page has in common. */
export const explainStatus: Portcullis['explainStatus'] = (...args) => common().explainStatus(...args);

/** {@link Portcullis.openStatusList} of the instance that a page has in common. */
export const openStatusList: Portcullis['openStatusList'] = (...args) => common().openStatusList(...args);

/** {@link Portcullis.evaluateScope} of the instance that a page has in common. */
export const evaluateScope: Portcullis['evaluateScope'] = (...args) => common().evaluateScope(...args);

/** {@link Portcullis.explainScope} of the instance that a page has in common. */
export const explainScope: Portcullis['explainScope'] = (...args) => common().explainScope(...args);

/** {@link Portcullis.readChallenge} of the instance that a page has in common. */
export const readChallenge: Portcullis['readChallenge'] = (...args) => common().readChallenge(...args);

/** {@link Portcullis.fetchWithStepUp} of the instance that a page has in common. */
export const fetchWithStepUp: Portcullis['fetchWithStepUp'] = (...args) => common().fetchWithStepUp(...args);

/** {@link Portcullis.watchLifetimes} of the instance that a page has in common. */
export const watchLifetimes: Portcullis['watchLifetimes'] = (...args) => common().watchLifetimes(...args);

/** {@link Portcullis.validateSvid} of the instance that a page has in common. */
export const validateSvid: Portcullis['validateSvid'] = (...args) => common().validateSvid(...args);

/** {@link Portcullis.explainSvid} of the instance that a page has in common. */
export const explainSvid: Portcullis['explainSvid'] = (...args) => common().explainSvid(...args);

/** {@link Portcullis.inspectCertificatesUntrusted} of the instance that a page has in common. */
export const inspectCertificatesUntrusted: Portcullis['inspectCertificatesUntrusted'] = (...args) => common().inspectCertificatesUntrusted(...args);

/** {@link Portcullis.verifySignature} of the instance that a page has in common. */
export const verifySignature: Portcullis['verifySignature'] = (...args) => common().verifySignature(...args);

/** {@link Portcullis.explainSignature} of the instance that a page has in common. */
export const explainSignature: Portcullis['explainSignature'] = (...args) => common().explainSignature(...args);

/** {@link Portcullis.parseWorkloadIdentifier} of the instance that a page has in common. */
export const parseWorkloadIdentifier: Portcullis['parseWorkloadIdentifier'] = (...args) => common().parseWorkloadIdentifier(...args);

/** {@link Portcullis.verifyWorkloadProof} of the instance that a page has in common. */
export const verifyWorkloadProof: Portcullis['verifyWorkloadProof'] = (...args) => common().verifyWorkloadProof(...args);

/** {@link Portcullis.explainWorkloadProof} of the instance that a page has in common. */
export const explainWorkloadProof: Portcullis['explainWorkloadProof'] = (...args) => common().explainWorkloadProof(...args);

/** {@link Portcullis.verifyWorkloadSignature} of the instance that a page has in common. */
export const verifyWorkloadSignature: Portcullis['verifyWorkloadSignature'] = (...args) => common().verifyWorkloadSignature(...args);

/** {@link Portcullis.explainWorkloadSignature} of the instance that a page has in common. */
export const explainWorkloadSignature: Portcullis['explainWorkloadSignature'] = (...args) => common().explainWorkloadSignature(...args);

/** {@link Portcullis.authenticateClient} of the instance that a page has in common. */
export const authenticateClient: Portcullis['authenticateClient'] = (...args) => common().authenticateClient(...args);

/** {@link Portcullis.explainClient} of the instance that a page has in common. */
export const explainClient: Portcullis['explainClient'] = (...args) => common().explainClient(...args);

/** {@link Portcullis.matchClientPattern} of the instance that a page has in common. */
export const matchClientPattern: Portcullis['matchClientPattern'] = (...args) => common().matchClientPattern(...args);

/** {@link Portcullis.readLifetimes} of the instance that a page has in common. */
export const readLifetimes: Portcullis['readLifetimes'] = (...args) => common().readLifetimes(...args);

/** {@link Portcullis.explainLifetimes} of the instance that a page has in common. */
export const explainLifetimes: Portcullis['explainLifetimes'] = (...args) => common().explainLifetimes(...args);

/** {@link Portcullis.stepApp2App} of the instance that a page has in common. */
export const stepApp2App: Portcullis['stepApp2App'] = (...args) => common().stepApp2App(...args);

/** {@link Portcullis.explainApp2App} of the instance that a page has in common. */
export const explainApp2App: Portcullis['explainApp2App'] = (...args) => common().explainApp2App(...args);

/** {@link Portcullis.verifyTransactionToken} of the instance that a page has in common. */
export const verifyTransactionToken: Portcullis['verifyTransactionToken'] = (...args) => common().verifyTransactionToken(...args);

/** {@link Portcullis.explainTransactionToken} of the instance that a page has in common. */
export const explainTransactionToken: Portcullis['explainTransactionToken'] = (...args) => common().explainTransactionToken(...args);

/** {@link Portcullis.evaluateBinding} of the instance that a page has in common. */
export const evaluateBinding: Portcullis['evaluateBinding'] = (...args) => common().evaluateBinding(...args);

/** {@link Portcullis.explainBinding} of the instance that a page has in common. */
export const explainBinding: Portcullis['explainBinding'] = (...args) => common().explainBinding(...args);

/** {@link Portcullis.parseOcmAddress} of the instance that a page has in common. */
export const parseOcmAddress: Portcullis['parseOcmAddress'] = (...args) => common().parseOcmAddress(...args);

/** {@link Portcullis.enterOcmContact} of the instance that a page has in common. */
export const enterOcmContact: Portcullis['enterOcmContact'] = (...args) => common().enterOcmContact(...args);

/** {@link Portcullis.readOcmInvite} of the instance that a page has in common. */
export const readOcmInvite: Portcullis['readOcmInvite'] = (...args) => common().readOcmInvite(...args);

/** {@link Portcullis.ocmAcceptUrl} of the instance that a page has in common. */
export const ocmAcceptUrl: Portcullis['ocmAcceptUrl'] = (...args) => common().ocmAcceptUrl(...args);

/** {@link Portcullis.readOcmDiscovery} of the instance that a page has in common. */
export const readOcmDiscovery: Portcullis['readOcmDiscovery'] = (...args) => common().readOcmDiscovery(...args);

/** {@link Portcullis.explainOcmDiscovery} of the instance that a page has in common. */
export const explainOcmDiscovery: Portcullis['explainOcmDiscovery'] = (...args) => common().explainOcmDiscovery(...args);

/** {@link Portcullis.readOcmDirectory} of the instance that a page has in common. */
export const readOcmDirectory: Portcullis['readOcmDirectory'] = (...args) => common().readOcmDirectory(...args);

/** {@link Portcullis.checkPolicy} of the instance that a page has in common. */
export const checkPolicy: Portcullis['checkPolicy'] = (...args) => common().checkPolicy(...args);

/** {@link Portcullis.explainPolicy} of the instance that a page has in common. */
export const explainPolicy: Portcullis['explainPolicy'] = (...args) => common().explainPolicy(...args);

/** {@link Portcullis.createGate} of the instance that a page has in common. */
export const createGate: Portcullis['createGate'] = (...args) => common().createGate(...args);

/** {@link Portcullis.answer} of the instance that a page has in common. */
export const answer: Portcullis['answer'] = (...args) => common().answer(...args);

export * from './full-api.js';
