"""A typed client of Aftersale's API: `async with connect(address, token) as client:` (kit/client/README.md)."""

from kit.client.call import File as File
from kit.client.client import Client as Client
from kit.client.connect import connect as connect
from kit.client.download import Download as Download
from kit.client.feed import Cursor as Cursor
from kit.client.feed import FileCursor as FileCursor
from kit.client.feed import read_feed as read_feed
from kit.client.problems import Busy as Busy
from kit.client.problems import Failed as Failed
from kit.client.problems import Forbidden as Forbidden
from kit.client.problems import Invalid as Invalid
from kit.client.problems import NoAnswer as NoAnswer
from kit.client.problems import NotFound as NotFound
from kit.client.problems import PreconditionRequired as PreconditionRequired
from kit.client.problems import Problem as Problem
from kit.client.problems import Refused as Refused
from kit.client.problems import TooLarge as TooLarge
from kit.client.problems import TooMany as TooMany
from kit.client.problems import Unauthenticated as Unauthenticated
from kit.client.problems import Unavailable as Unavailable
from kit.client.problems import VersionConflict as VersionConflict
from kit.client.streams import StreamEvent as StreamEvent
from kit.client.verifying import NotVerified as NotVerified
from kit.client.verifying import verified as verified
