// Package ceremony reads the files of the root's key ceremonies: key signing
// requests and their signed responses (KSR, SKR), and the schedules of phases of
// the KSK operator's tools. It verifies no signature: that is a judge's work.
package ceremony
