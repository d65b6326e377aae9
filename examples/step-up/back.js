/** Where a sign-in comes back to: hands the answer to the page that waits for it, and is gone. */

const channel = new BroadcastChannel('sign-in');
channel.postMessage(location.search);
// A code is good once, and is nobody's to find in an address.
history.replaceState(null, '', location.pathname);
window.close();
