// Package rootkey judges the root's own keys: the phase of a rollover, by the live
// DNSKEY RRset and the published calendar, and the DNSKEY RRsets that signed key
// responses promise day by day.
package rootkey
