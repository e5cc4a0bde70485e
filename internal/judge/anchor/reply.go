package anchor

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Reply is what a resolver made of a question, as its client sees it.
type Reply string

const (
	ReplyNone    Reply = ""         // no reply, or one that cannot be read
	ReplySecure  Reply = "AD"       // answered, and said to be authentic (RFC 4035 section 3.2.3)
	ReplyPlain   Reply = "answer"   // answered, and no more
	ReplyFail    Reply = "SERVFAIL" // what a validator says of bogus data (RFC 4035 section 5.5)
	ReplyRefused Reply = "REFUSED"
	ReplyOther   Reply = "other" // another RCODE, or no data
)

// Answered says whether there was an answer, authentic or not.
func (a Reply) Answered() bool { return a == ReplySecure || a == ReplyPlain }

// ReadReply reads what a resolver made of a question. A name that is not there
// counts as an answer where the reply says that this is authentic: a sentinel
// name need not exist (RFC 8509 section 2.2 looks at the security status alone).
func ReadReply(e holdfast.Exchange) Reply {
	if e.Outcome != holdfast.Answered {
		return ReplyNone
	}
	m, err := wire.Parse(e.Reply)
	if err != nil {
		return ReplyNone
	}
	switch {
	case m.Truncated && len(m.Answer) == 0:
		return ReplyNone // there would be an answer over TCP
	case m.Rcode == wire.ServFail:
		return ReplyFail
	case m.Rcode == wire.Refused:
		return ReplyRefused
	case m.Rcode == wire.NoError && len(m.Answer) > 0 && m.AuthenticatedData, m.Rcode == wire.NXDomain && m.AuthenticatedData:
		return ReplySecure
	case m.Rcode == wire.NoError && len(m.Answer) > 0:
		return ReplyPlain
	}
	return ReplyOther
}
