package server

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// What the walk puts into its questions, and must not come back.
const (
	unknownOption uint16 = 65313
	unknownFlag   uint16 = 0x0040
)

func ednsMishandled() judge.Check {
	return judge.Check{
		Code: "NSB-03", Name: "edns-mishandled", Severity: holdfast.SeverityWarning,
		Reference: "RFC 6891 section 6.1",
		Summary:   "Each server answers EDNS of a later version with BADVERS, and takes no notice of options and flags that it does not know.",
		Judge:     judgeEDNS,
	}
}

func judgeEDNS(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	of := 0
	for _, server := range c.Servers {
		usual, ok := plain(c, server)
		if !ok || usual.Message.EDNS == nil {
			continue // it has no EDNS at all: CON-04
		}
		of++
		var faults []string
		var evidence []int
		for _, find := range []func(*judge.Case, holdfast.Server) (string, int){versionFault, optionFault, flagFault} {
			if fault, index := find(c, server); fault != "" {
				faults = append(faults, fault)
				evidence = append(evidence, index)
			}
		}
		if len(faults) > 0 {
			out = append(out, holdfast.Finding{Severity: holdfast.SeverityWarning, Server: server, Evidence: evidence, Text: and(faults)})
		}
	}
	return rolled(out, of, holdfast.SeverityWarning)
}

// versionFault: a version that the server does not speak is answered with
// BADVERS (RFC 6891 section 6.1.3).
func versionFault(c *judge.Case, server holdfast.Server) (string, int) {
	r, ok := said(c, server, holdfast.PurposeEDNSVersion)
	if !ok || r.Message.Rcode == wire.BadVers {
		return "", 0
	}
	return "answers " + wire.RcodeName(r.Message.Rcode) + " to EDNS version 1, where BADVERS is due", r.Index
}

// optionFault: options that are not known are ignored (RFC 6891 section
// 6.1.2).
func optionFault(c *judge.Case, server holdfast.Server) (string, int) {
	if r, ok := said(c, server, holdfast.PurposeEDNSOption); ok && !answersSOA(c, r) {
		return "answers " + wire.RcodeName(r.Message.Rcode) + " to a question with an EDNS option that it does not know", r.Index
	}
	if r, ok := said(c, server, holdfast.PurposeManners); ok {
		if opt, ok := wire.ReadOPT(r.Exchange.Reply); ok {
			if _, echoed := opt.Option(unknownOption); echoed {
				return "sends an EDNS option back that it does not know", r.Index
			}
		}
	}
	return "", 0
}

// flagFault: flags that are not known are ignored, and clear in the reply (RFC
// 6891 section 6.1.4).
func flagFault(c *judge.Case, server holdfast.Server) (string, int) {
	if r, ok := said(c, server, holdfast.PurposeEDNSFlag); ok && !answersSOA(c, r) {
		return "answers " + wire.RcodeName(r.Message.Rcode) + " to a question with an EDNS flag that it does not know", r.Index
	}
	if r, ok := said(c, server, holdfast.PurposeManners); ok {
		if opt, ok := wire.ReadOPT(r.Exchange.Reply); ok && opt.Flags&unknownFlag != 0 {
			return "sends an EDNS flag back that it does not know", r.Index
		}
	}
	return "", 0
}
