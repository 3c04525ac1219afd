"""Hands one mail to `convalias lmtp --port 8024`, as a mail server would."""

import smtplib

MAIL = """From: Bob <bob@corp.example>
To: ann@reply.example
Message-ID: <1@corp.example>

Hello Ann!
"""

if __name__ == "__main__":
    with smtplib.LMTP("127.0.0.1", 8024) as server:
        refused = server.sendmail("bob@corp.example", ["ann@reply.example"], MAIL)
    print("refused:", refused or "nobody")
