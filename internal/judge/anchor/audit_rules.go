package anchor

import (
	"time"

	"github.com/holdfastdns/holdfast"
)

// AuditRule is one question that an audit asks: of each resolver, or of the
// machine as a whole. Its code is permanent; docs/audit.md has a section for it.
type AuditRule struct {
	Code      string // AUD-A1
	Name      string
	Severity  holdfast.Severity // of what it finds, where the finding does not say otherwise
	Reference string
	Summary   string
	resolver  func(*auditing, holdfast.Prospect) []remark
	machine   func(*auditing) []remark
}

// remark is what a rule finds, before it is stamped with the rule's code.
type remark struct {
	text     string
	evidence []string
	mend     string
	until    time.Time
	// weight is the severity where it is another than the rule's.
	weight *holdfast.Severity
}

func weigh(s holdfast.Severity) *holdfast.Severity { return &s }

func (r AuditRule) stamp(found []remark, resolver string) []holdfast.AuditFinding {
	var out []holdfast.AuditFinding
	for _, f := range found {
		severity := r.Severity
		if f.weight != nil {
			severity = *f.weight
		}
		if f.evidence == nil {
			f.evidence = []string{}
		}
		out = append(out, holdfast.AuditFinding{
			Code: r.Code, Name: r.Name, Severity: severity, Resolver: resolver, Text: f.text, Evidence: f.evidence, Mend: f.mend, Until: f.until, Reference: r.Reference,
		})
	}
	return out
}

// AuditRules are all rules, by code.
func AuditRules() []AuditRule {
	const (
		info, notice, warning, failure, critical = holdfast.SeverityInfo, holdfast.SeverityNotice, holdfast.SeverityWarning, holdfast.SeverityError, holdfast.SeverityCritical
	)
	return []AuditRule{
		{"AUD-A1", "no-anchor", failure, "RFC 4033 section 5", "A resolver is to validate, and trusts no key of the root.", noAnchor, nil},
		{"AUD-A2", "state-lags-file", warning, "RFC 5011 section 4.1", "A key is in a file that a resolver began with or that was installed, and the state that counts does not trust it.", stateLags, nil},
		{"AUD-A3", "anchors-not-understood", failure, "RFC 5011 section 4", "A file of anchors could not be read as its resolver reads it.", notUnderstood, nil},
		{"AUD-A4", "not-validating", notice, "RFC 4033 section 6", "A resolver is set up not to validate.", notValidating, nil},
		{"AUD-A5", "journal-newer", notice, "RFC 5011 section 4", "A journal beside a state file is newer: what counts may be newer than what was read.", journalNewer, nil},
		{"AUD-A6", "does-not-say", notice, "RFC 8509 section 3", "A resolver that was asked validates, and does not say which keys it trusts.", doesNotSay, nil},
		{"AUD-B1", "static-anchors", warning, "RFC 5011 section 1", "Anchors stay as they were configured until somebody changes them.", staticAnchors, nil},
		{"AUD-B2", "validation-without-anchors", failure, "RFC 4033 section 5", "Validation is on, and what it needs is left to a configuration that does not have it.", validationWithout, nil},
		{"AUD-B3", "kept-by-package", notice, "RFC 5011 section 1", "Anchors are renewed only when a package is.", keptByPackage, nil},
		{"AUD-B4", "built-in-anchors", warning, "RFC 5011 section 1", "A resolver trusts what was compiled into it.", builtIn, nil},
		{"AUD-B5", "obsolete-statement", notice, "RFC 5011 section 1", "Anchors stand in a statement that the resolver's makers withdrew.", obsolete, nil},
		{"AUD-B6", "two-ways", warning, "RFC 5011 section 2", "The root has static anchors beside anchors that are followed.", twoWays, nil},
		{"AUD-C1", "cannot-write", failure, "RFC 5011 section 4", "A resolver follows keys, and its account may not write the state.", cannotWrite, nil},
		{"AUD-C2", "write-denied", failure, "RFC 5011 section 4", "A mount, a sandbox or a profile keeps a resolver from writing its state.", writeDenied, nil},
		{"AUD-C3", "state-absent", warning, "RFC 5011 section 4", "A resolver follows keys, and has no state yet.", stateAbsent, nil},
		{"AUD-C4", "state-volatile", failure, "RFC 5011 section 4", "A resolver's state is lost with the container or at boot.", stateVolatile, nil},
		{"AUD-C5", "state-stale", warning, "RFC 5011 section 2.3", "A resolver has not validated the root's keys for longer than the longest interval at which it is to ask for them.", stateStale, nil},
		{"AUD-C6", "outside-chroot", failure, "RFC 5011 section 4", "A resolver confines itself to a folder, and its anchors lie outside.", outsideChroot, nil},
		{"AUD-D1", "hold-down-too-long", failure, "RFC 5011 section 2.4.1", "A key waits in its hold-down, and is needed before that ends.", holdTooLong, nil},
		{"AUD-D2", "too-late-to-learn", failure, "RFC 5011 section 2.4.1", "A resolver lacks a key, and can no longer learn it before it is needed.", tooLate, nil},
		{"AUD-D3", "does-not-follow", warning, "RFC 5011 section 2.2", "A resolver has validated the root's keys, and does not know a key that was among them.", notFollowing, nil},
		{"AUD-E1", "trusts-revoked-key", warning, "RFC 5011 section 2.1", "A resolver trusts a key that the root has revoked.", trustsRevoked, nil},
		{"AUD-E2", "trusts-unknown-key", notice, "RFC 4033 section 5", "A resolver trusts a key for the root that is none of the root's known ones.", trustsUnknown, nil},
		{"AUD-E3", "out-of-time", warning, "RFC 9718 section 2", "An anchor is held outside of the time for which it was published.", outOfTime, nil},
		{"AUD-F1", "digest-of-another-key", failure, "RFC 4034 section 5.1.4", "An anchor has the tag of a root key, and not its digest or key.", otherDigest, nil},
		{"AUD-F2", "anchor-twice", notice, "RFC 4034 section 5", "The same anchor stands twice in one place.", twice, nil},
		{"AUD-F3", "dnskey-in-positive", failure, "RFC 4034 section 2", "A DNSKEY stands where systemd-resolved is best given DS records.", keyInPositive, nil},
		{"AUD-F4", "not-a-key-signing-key", warning, "RFC 5011 section 2.2", "An anchor is a key without the SEP flag, or without the zone flag.", notSEP, nil},
		{"AUD-G1", "clock-doubtful", warning, "RFC 4035 section 5.3.1", "The files speak of times that have not come, or the clock is not kept.", clockDoubtful, clockUnkept},
		{"AUD-G2", "clock-overridden", failure, "RFC 4035 section 5.3.1", "A resolver is told to validate by another time than the clock's, or by none.", clockOverridden, nil},
		{"AUD-G3", "no-large-answers", warning, "RFC 7766 section 5", "A resolver cannot get an answer that is larger than what its UDP takes.", noLarge, nil},
		{"AUD-G4", "forwards-all", notice, "RFC 4035 section 3.2", "All questions go to forwarders, the ones for the root's keys too.", forwardsAll, nil},
		{"AUD-H1", "recovery-stale", warning, "RFC 9718 section 2", "The means to get anchors anew begins with keys that no longer suffice.", nil, recoveryStale},
		{"AUD-H2", "recovery-old-authority", notice, "RFC 9718 section 3", "The means to get anchors anew knows only one of the authorities that sign them.", nil, recoveryAuthority},
		{"AUD-H3", "helper-off", warning, "RFC 5011 section 1", "The distribution's renewal of anchors is switched off.", nil, helperOff},
		{"AUD-H4", "bootstrap-refuses", warning, "RFC 9718 section 2", "A resolver's bootstrap refuses the trust anchor file in its present form.", nil, bootstrapRefuses},
		{"AUD-H5", "signer-expired", warning, "RFC 9718 section 3", "A certificate on which a kept trust anchor file rests has expired.", nil, signerExpired},
		{"AUD-I1", "carries-old-keys", notice, "RFC 5011 section 1", "A file carries root keys, and not the one that signs alone or will.", nil, carriesOld},
		{"AUD-I2", "carries-revoked-keys", warning, "RFC 5011 section 2.1", "A file carries root keys, and all of them are revoked.", nil, carriesRevoked},
		{"AUD-I3", "carries-wrong-digest", failure, "RFC 4034 section 5.1.4", "A file has a DS with a root key's tag and another digest.", nil, carriesWrong},
		{"AUD-J1", "fails-now", critical, "RFC 4035 section 5", "By the calendar, a resolver cannot validate anything now.", failsNow, nil},
		{"AUD-J2", "will-fail", failure, "RFC 4035 section 5", "A resolver will answer SERVFAIL when the root's keys take their next step.", willFail, nil},
		{"AUD-J3", "fails-open", failure, "RFC 5011 section 5", "A resolver will answer without validating when the key that it trusts is revoked.", failsOpen, nil},
		{"AUD-K1", "not-read", info, "RFC 4033 section 5", "Something could not be read: what it would have said is not known.", nil, notRead},
	}
}
