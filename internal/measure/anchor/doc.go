// Package anchor asks a resolver the questions whose answers show which root keys
// it trusts: sentinel names (RFC 8509), signed and bogus ones, and what it says of
// itself. It keeps the bytes and draws no conclusion.
package anchor
