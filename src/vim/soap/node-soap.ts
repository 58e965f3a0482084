/** What is used of node-soap. By itself, to be loaded when it is needed: it takes longer than all of this package. */
export { createClientAsync } from 'soap';
