package main

import (
	"fmt"
	"io"
	"mime/quotedprintable"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

func configCommand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "config FILE")
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

func smtpCommand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "smtp up|down")
	post := &stageOf(ts).post
	switch args[0] {
	case "up":
		ts.Check(post.open())
		ts.Setenv("SMTP", post.address)
	case "down":
		post.close()
	default:
		ts.Fatalf("usage: smtp up|down")
	}
}

func mailsCommand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 0, "mails")
	mails := stageOf(ts).post.all()
	fmt.Fprintf(ts.Stdout(), "%d mails\n", len(mails))
	for _, m := range mails {
		reply := ""
		if m.inReplyTo != "" {
			reply = "re: "
		}
		fmt.Fprintf(ts.Stdout(), "%s | %s%s\n", m.to, reply, m.subject)
	}
}

func letterCommand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "letter N")
	mails := stageOf(ts).post.all()
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 1 || n > len(mails) {
		ts.Fatalf("there are %d mails", len(mails))
	}
	head, body, _ := strings.Cut(mails[n-1].raw, "\r\n\r\n")
	text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
	if err != nil {
		text = []byte(body) // it has attachments, in base64
	}
	fmt.Fprintf(ts.Stdout(), "%s\n\n%s\n", strings.ReplaceAll(head, "\r\n", "\n"), strings.ReplaceAll(string(text), "\r\n", "\n"))
}

func noticeCommand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "notice PATTERN")
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	var found []string
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		if pattern.MatchString(line) {
			found = append(found, strings.Fields(line)[0])
		}
	}
	if len(found) != 1 {
		ts.Fatalf("%d notices match %s", len(found), pattern)
	}
	ts.Setenv("NOTICE", found[0])
}
