package resolvers

import (
	"encoding/base64"
	"fmt"
	"strings"
)

func bind() Software {
	return Software{
		Name: "bind", Title: "BIND", Package: "bind9", Follows: true,
		programs: []string{"named", "rndc"}, version: []string{"-v"}, setup: setBIND, states: bindStates,
		Leaps: "its timers sleep by the kernel's time, which libfaketime does not lead ahead: what it does then says nothing of it",
	}
}

// controlPort is where BIND takes rndc's orders: the port that IANA gave it.
const controlPort = 953

func (s Setting) rndc(args ...string) []string {
	return append([]string{"rndc", "-c", s.path("rndc.conf"), "-s", s.At.Addr().String(), "-p", fmt.Sprint(controlPort)}, args...)
}

// bindStates: the file alone would not do, since BIND keeps its newest changes in
// a journal; and its status calls a key trusted as soon as the time has passed,
// whereas secroots lists what it validates with.
func bindStates(s Setting) []source {
	return []source{
		{name: "rndc managed-keys status", command: s.rndc("managed-keys", "status"), fleeting: []string{"next scheduled event", "next refresh", "refresh time", "rndc: 'managed-keys'"}},
		{name: "rndc secroots", command: s.rndc("secroots", "-"), fleeting: []string{"secure roots as of", "rndc: 'secroots'"}},
	}
}

const bindConfig = `options {
  directory %q;
  managed-keys-directory %q;
  listen-on port %d { %s; };
  listen-on-v6 { none; };
  query-source address %s;
  pid-file none;
  session-keyfile none;
  recursion yes;
  allow-query { any; };
  allow-recursion { any; };
  dnssec-validation yes;
  root-key-sentinel yes;
  trust-anchor-telemetry yes;
%s};
key "rndc" { algorithm hmac-sha256; secret "aG9sZGZhc3QgcmVoZWFyc2FscyBvbmx5"; };
controls { inet %s port %d allow { any; } keys { "rndc"; }; };
zone "." { type hint; file %q; };
trust-anchors {
%s};
`

const rndcConfig = `key "rndc" { algorithm hmac-sha256; secret "aG9sZGZhc3QgcmVoZWFyc2FscyBvbmx5"; };
options { default-key "rndc"; };
`

// initial are the anchors as named is to begin with them.
func (s Setting) initial() string {
	var out strings.Builder
	if s.ByDigest {
		for _, ds := range s.digests() {
			fields := strings.Fields(ds)
			fmt.Fprintf(&out, "  . initial-ds %s %q;\n", strings.Join(fields[:3], " "), fields[3])
		}
		return out.String()
	}
	for _, r := range s.Anchors {
		if key, err := r.DNSKEY(); err == nil {
			fmt.Fprintf(&out, "  . initial-key %d %d %d %q;\n", key.Flags, key.Protocol, key.Algorithm, base64.StdEncoding.EncodeToString(key.PublicKey))
		}
	}
	return out.String()
}

// setBIND: named has hidden options for its own system tests: -T mkeytimers gives
// the length of an hour, a day and a month in seconds, of which the hold-down is a
// month and the floors of asking again an hour; -T tat the telemetry interval.
func setBIND(s Setting, programs map[string]string) setup {
	args := []string{programs["named"], "-g", "-4", "-n", "1", "-c", s.path("named.conf")}
	more := ""
	if !s.Usual {
		hour, month := ceil(s.Timers.Query), ceil(s.Timers.Add)
		args = append(args, "-T", fmt.Sprintf("mkeytimers=%d/%d/%d", hour, max(hour, month/2), month), "-T", "tat=1")
		more = fmt.Sprintf("  max-cache-ttl %d;\n  max-ncache-ttl 1;\n  servfail-ttl 0;\n  lame-ttl 0;\n", s.cacheSeconds())
	}
	addr := s.At.Addr()
	return setup{
		config: "named.conf", state: []string{"run/managed-keys.bind", "run/managed-keys.bind.jnl"},
		files: map[string]string{
			"named.conf": fmt.Sprintf(bindConfig, s.path("run"), s.path("run"), s.At.Port(), addr, addr, more, addr, controlPort, s.Hints, s.initial()),
			"rndc.conf":  rndcConfig,
		},
		args: args,
	}
}
