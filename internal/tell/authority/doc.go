// Package authority is an authoritative name server for the names of a public test
// bed: it signs as it answers, bounds what it holds, and limits the rate of its
// responses.
package authority
