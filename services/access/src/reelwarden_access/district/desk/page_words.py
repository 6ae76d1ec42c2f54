"""The words that every page of the desk may show, by the names that templates use."""

from reelwarden_access.district.desk import words

WORDS = {
    "status_words": words.STATUS_WORDS,
    "step_words": words.STEP_WORDS,
    "hold_words": words.HOLD_WORDS,
    "extension_words": words.EXTENSION_WORDS,
    "source_words": words.SOURCE_WORDS,
    "outcome_words": words.OUTCOME_WORDS,
    "manner_words": words.MANNER_WORDS,
    "outsider_words": words.OUTSIDER_WORDS,
    "signer_words": words.SIGNER_WORDS,
    "capacity_words": words.CAPACITY_WORDS,
    "declaration_words": words.DECLARATION_WORDS,
    "wait_words": words.WAIT_WORDS,
    "doubt_words": words.DOUBT_WORDS,
    "act_words": words.ACT_WORDS,
    "staff_word": words.STAFF_WORD,
}
