"""What FollowBench's added constraints ask for, paraphrased, each with a text on the same topic that does not ask for it.

A criterion must not repeat the section that covers it, or counting shared words would settle every row. FollowBench
has no second wording of a constraint, so these were written by hand, one for each constraint whose text can be told apart.
"""

from typing import NamedTuple


class _Wording(NamedTuple):
    """name: of the criterion; asked: its description; decoy: a section on the same matter that does not ask for it."""

    name: str
    asked: str
    decoy: str


CRITERIA: dict[tuple[str, int, int], _Wording] = {  # (category, example_id, level that adds it)
    ("content", 6, 1): _Wording("artist", "Says who recorded it", "The album was recorded by a well known artist."),
    ("content", 6, 2): _Wording("year", "Gives its date of publication", "Many albums are released every year."),
    ("content", 6, 4): _Wording("why_chosen", "Says what made this record the choice", "CDs replaced vinyl in the US."),
    ("content", 7, 2): _Wording("inflation", "Weighs rising prices", "Inflation rates are published monthly."),
    ("content", 7, 3): _Wording("labour", "Looks at jobs and homes", "Employment and housing are large markets."),
    ("content", 7, 4): _Wording("trusted_data", "Relies on official figures alone", "Institutions publish a lot of data."),
    ("content", 7, 5): _Wording(
        "last_year", "Sets the figures against a year earlier", "Trends change from quarter to quarter."
    ),
    ("format", 3, 3): _Wording("bullets", "One actor per list item", "Name the actor first, then the description."),
    ("format", 3, 5): _Wording("haiku", "Each is a three-line Japanese verse", "The descriptions may sound poetic."),
    ("format", 4, 3): _Wording("syllables", "Lines of five, seven and five beats", "A haiku is short, so count its words."),
    ("format", 4, 4): _Wording("prefix", "Uses a word that begins with geo", "The theme of the task is the earth."),
    ("format", 7, 5): _Wording("no_ing", "No word ends in -ing", "Mind the suffixes: some words end in '-ed'."),
    ("format", 9, 5): _Wording("short_sentences", "Fifteen words a sentence at the very most", "Read each sentence aloud."),
    ("format", 10, 4): _Wording("short_actions", "At most 10 words for a main step", "Each primary action needs a verb."),
    ("format", 13, 1): _Wording(
        "brief_paragraphs", "Five sentences a paragraph or fewer", "Give each paragraph one main point."
    ),
    ("format", 13, 2): _Wording("brief_sentences", "No sentence above 20 words", "Check the grammar of each sentence."),
    ("format", 13, 3): _Wording("alliteration", "Repeated initial sounds, every paragraph", "Paragraphs may repeat a word."),
    ("format", 14, 3): _Wording("brief_sentences", "Sentences of twenty words or less", "Vary the openings of sentences."),
    ("format", 15, 1): _Wording(
        "levels", "From the general to the detailed, level by level", "Propose a suitable method with care."
    ),
    ("format", 16, 1): _Wording("levels", "Nested list of steps", "Consider every step before you begin."),
    ("format", 16, 5): _Wording("columns", "Table: number and text of each step", "A table may follow in a later version."),
    ("format", 18, 1): _Wording("levels", "Main steps broken into smaller ones", "The first step is always the hardest."),
    ("format", 18, 2): _Wording(
        "table", "Two columns: main and smaller steps", "Instructions were once kept in a table of contents."
    ),
    ("format", 20, 1): _Wording(
        "table", "Tabulates each sea with its size", "Oceans cover most of the total area of the Earth."
    ),
    ("format", 20, 4): _Wording("digits", "Thousands set off by a comma, nothing shortened", "Areas are given in sq km."),
    ("format", 20, 5): _Wording("alignment", "Names to the left, figures to the right", "Columns make the presentation clear."),
    ("format", 21, 2): _Wording("brief", "Reasons of twenty words at most", "Each explanation has a length."),
    ("format", 21, 3): _Wording("passive", "Every reason is a passive sentence", "Passive voice is often criticised."),
    ("format", 21, 4): _Wording(
        "alliteration", "The opening pair of words sounds alike", "The first word of an explanation counts."
    ),
    ("format", 21, 5): _Wording("haiku", "Reasons are verses of 17 syllables", "A reason should be as clear as a poem."),
    ("format", 22, 1): _Wording("three_paragraphs", "Has 3 paragraphs", "Indent the first line of paragraphs."),
    ("format", 22, 2): _Wording(
        "few_sentences", "At most two sentences a paragraph", "Sentences in a paragraph belong together."
    ),
    ("format", 22, 3): _Wording("long_sentences", "Each sentence runs to 21 words or longer", "Number the words that are new."),
    ("format", 22, 5): _Wording("closing", "Finishes with 'Those are suggestions'", "End with some suggestions of your own."),
    ("format", 24, 1): _Wording("length", "One hundred words long", "Choose your words well."),
    ("format", 24, 2): _Wording("no_romantic", "'romantic' never occurs", "The response may be romantic."),
    ("format", 24, 3): _Wording("sentences", "Three sentences", "Use 5 short sentences."),
    ("format", 25, 2): _Wording("four", "Names 4 titles", "List a game for each season."),
    ("format", 25, 3): _Wording("short_titles", "No name above 25 characters", "Each game has a main character."),
    ("format", 26, 1): _Wording("python", "A list literal in Python", "Python is a popular language."),
    ("format", 27, 3): _Wording("short_months", "Jan, Feb and so on", "The table has a column for the month."),
    ("format", 28, 1): _Wording("html", "Marked up as a web page", "Web browsers show HTML."),
    ("format", 28, 3): _Wording("short_headings", "Headings of six words at most", "Each heading starts a new part."),
    ("format", 28, 4): _Wording("short_paragraphs", "Three sentences a paragraph or fewer", "Every paragraph has its heading."),
    ("format", 29, 1): _Wording("latex", "Typeset with TeX markup", "LaTeX was written by Leslie Lamport."),
    ("format", 29, 3): _Wording(
        "short_entries", "Fifteen words a cell for what each did", "Contributions to civil rights matter."
    ),
    ("format", 29, 4): _Wording("capitals", "People written in upper case", "The first column holds each name."),
    ("format", 30, 2): _Wording("one_sentence", "A single sentence for each point", "Make each point clear."),
    ("format", 30, 3): _Wording(
        "sentence_length", "Between 10 and 15 words a sentence", "Each sentence has a subject and a verb."
    ),
    ("format", 30, 4): _Wording("no_ly", "No word ends in -ly", "Words that contain the suffix '-ness' are fine."),
    ("mixed", 2, 3): _Wording("inward", "A reflective voice", "A narrative has a beginning and an end."),
    ("mixed", 2, 5): _Wording("storm", "Tells of rain or wind", "The story is set in bad times."),
    ("mixed", 6, 1): _Wording("code", "Fenced as code", "The translation is for programmers."),
    ("mixed", 6, 2): _Wording("labels", "Technical terms stay in the original", "Technical texts are hard to translate."),
    ("mixed", 6, 3): _Wording("opening", "Opens with ||>>", "Start the translation with the first line."),
    ("mixed", 6, 4): _Wording("funny", "Amusing voice", "Keep the tone of the text."),
    ("mixed", 10, 2): _Wording("exclamation", "Contains an exclamation mark", "Keep the full stop in the sentence."),
    ("mixed", 10, 3): _Wording("no_terror", "'恐怖' never occurs", "Translate the text into plain words."),
    ("mixed", 10, 4): _Wording("soldier", "Told by a fighter of 1939 to 1945", "The World War ended long ago."),
    ("mixed", 10, 5): _Wording("both", "Source above, rendering below", "The original sentence is short."),
    ("mixed", 16, 2): _Wording("bullets", "Every version is a list item", "Begin each paraphrase with a capital."),
    ("mixed", 16, 3): _Wording(
        "avoided", "'large model' and 'smaller one' never occur", "A large model teaches a smaller one."
    ),
    ("mixed", 16, 4): _Wording("ordered", "Longest first", "Count the words of a sentence."),
    ("mixed", 16, 5): _Wording("brackets", "'knowledge distillation' stands in [ ]", "Explain knowledge distillation."),
    ("style", 2, 1): _Wording("rogers", "Calm and well-spoken like Mr. Rogers", "Mr. Rogers was on television for decades."),
    ("style", 2, 2): _Wording("bard", "Some Elizabethan phrasing", "Shakespeare knew about stress as well."),
    ("style", 2, 3): _Wording("twenties", "Jokes of the 1920s", "The Roaring Twenties were an era of growth."),
    ("style", 2, 4): _Wording("seuss", "Rhymes like a Seuss book", "Dr. Seuss wrote for children."),
    ("style", 2, 5): _Wording("sleuth", "Speaks as an investigator of the 1800s", "Victorian detectives led a hard life."),
    ("style", 3, 1): _Wording("bard", "Sounds like the author of Hamlet", "Shakespeare never saw the US."),
    ("style", 3, 2): _Wording("funny", "Is a little amusing", "Thy answer should be correct."),
    ("style", 3, 4): _Wording("oracle", "As unclear as a Greek prophecy", "Oracles were common in ancient Greece."),
    ("style", 3, 5): _Wording("hemingway", "Terse like Hemingway", "Hemingway lived in several states."),
    ("style", 4, 1): _Wording("wilde", "Clever like the author of Dorian Gray", "Oscar Wilde has answered this already."),
    ("style", 4, 2): _Wording("holmes", "Reasons as Holmes would", "Sherlock Holmes had no therapist."),
    ("style", 4, 3): _Wording("period", "Uses the idiom of Queen Victoria's time", "The Victorian era had strict boundaries."),
    ("style", 4, 4): _Wording("riddle", "Its sense is left to be found out", "The reader should be able to follow your reply."),
    ("style", 4, 5): _Wording("wordsworth", "Lyrical like Wordsworth", "William Wordsworth lived in the Lake District."),
    ("style", 5, 1): _Wording("bard", "The playwright speaks of plays he loves", "Shakespeare's plays became movies."),
    ("style", 5, 2): _Wording("jesters", "Funny, as told by fools at a court", "Describe the court in each movie."),
    ("style", 5, 5): _Wording("poe", "Gloomy like Poe", "Tales by Edgar Allan Poe were filmed often."),
    ("style", 6, 2): _Wording("twain", "Dry wit like Twain's", "Mark Twain told many stories."),
    ("style", 6, 3): _Wording("austen", "Elegant and rich like Austen", "Jane Austen wrote six novels."),
    ("style", 7, 1): _Wording("hope", "Bright about the future", "AI will change society."),
    ("style", 10, 2): _Wording(
        "wonder", "As eager as a 17th-century scientist", "The Scientific Revolution was an era of change."
    ),
    ("style", 12, 1): _Wording("wilde", "Clever and charming like Wilde", "Oscar Wilde died in 1900."),
    ("style", 12, 2): _Wording("radio", "Speaks as a broadcaster of mid-century", "Radio was popular in the 1950s."),
    ("style", 12, 4): _Wording("poe", "Eerie passages like Poe's", "Edgar Allan Poe wrote tales."),
    ("style", 13, 1): _Wording("austen", "Graceful like Austen", "Jane Austen wrote many notes."),
    ("style", 13, 2): _Wording("twain", "Satirical like Twain", "Mark Twain liked a good response."),
    ("style", 13, 3): _Wording("renaissance", "Seems written around 1500", "The Renaissance was a period of intellect."),
    ("style", 13, 4): _Wording("churchill", "Dignified like Churchill", "Sir Winston Churchill wrote letters."),
    ("style", 13, 5): _Wording("drama", "Passionate like a monologue by the bard", "A Shakespearean actor will get the note."),
    ("style", 14, 2): _Wording(
        "sparrow", "A buccaneer hunting odd animals speaks", "Captain Jack Sparrow is a fictional character."
    ),
    ("style", 15, 1): _Wording("lu_xun", "Lu Xun speaks", "Lu Xun was an author."),
    ("style", 15, 2): _Wording("irony", "Mocking, as in the twenties", "The 1920s saw empires fall."),
    ("style", 15, 3): _Wording(
        "renaissance", "Admires the ancients like a man of 1500", "Write about antiquity only where it matters."
    ),
    ("style", 15, 4): _Wording("two_senses", "One statement can be read in two ways", "The reader wants one clear statement."),
    ("style", 15, 5): _Wording("sad", "Sorrow runs through it", "Empires come and go; note the emotion of the people."),
    ("style", 16, 1): _Wording("painter", "Bob Ross speaks at his easel", "Bob Ross painted many scenes."),
    ("style", 16, 2): _Wording("comedian", "Jokes as at a children's party", "The kids will read this at a party."),
    ("style", 16, 3): _Wording("gandalf", "Sounds like Tolkien's wizard", "The Lord of the Rings is a long tale."),
    ("style", 16, 4): _Wording(
        "fable", "A tale of around 1500 with castles", "Europe has many castles, back in time and today."
    ),
    ("style", 17, 2): _Wording("jest", "Amusing, like a joke between friends", "The message goes to a friend."),
    ("style", 17, 3): _Wording("darcy", "Mr. Darcy speaks, modestly", "Pride and Prejudice is a novel."),
    ("style", 17, 4): _Wording("urgent", "Pressing, as if danger were near", "The request is hanging in the office."),
    ("style", 18, 3): _Wording("bard", "A kind singer of 1600 speaks", "The Elizabethan era had many bards."),
    ("style", 18, 4): _Wording("two_senses", "Some lines can be read in two ways", "Make the meaning of your reply plain."),
    ("style", 20, 2): _Wording("satire", "Funny or mocking", "Craft your response with care."),
    ("style", 20, 3): _Wording("dickens", "Reads like a novel by Dickens", "Charles Dickens has a museum in London."),
    ("style", 20, 4): _Wording("lord", "A nobleman of the 1800s speaks", "British aristocrats are a class of their own."),
    ("style", 20, 5): _Wording(
        "two_senses", "Can be read in several ways on purpose", "Your answer must have one meaning only."
    ),
    ("style", 22, 5): _Wording("twain", "Playful like Twain", "Mark Twain never gave this explanation."),
    ("style", 24, 3): _Wording("herodotus", "Told by a chronicler of classical Athens", "Ancient Greek empires fell long ago."),
    ("style", 24, 5): _Wording("sea", "Compares the wars with the wide sea", "The Mongol conquests did not reach the ocean."),
    ("style", 26, 1): _Wording("thinker", "A sage of around 1500 speaks", "Philosophers of the Renaissance disagreed."),
    ("style", 26, 2): _Wording("shelley", "Reads like Shelley", "Percy Bysshe Shelley was a poet."),
    ("style", 26, 3): _Wording("funny", "Deep and amusing at once", "A response needs some thought."),
    ("style", 26, 4): _Wording("leonardo", "Pensive like the painter of Mona Lisa", "Leonardo da Vinci had many insights."),
    ("style", 26, 5): _Wording("oracle", "Veiled like a prophecy", "An ancient oracle stood at Delphi."),
    ("style", 28, 2): _Wording("hugo", "The author of Les Miserables gives advice", "Victor Hugo lived in exile."),
    ("style", 28, 4): _Wording("holmes", "Observes and reasons like Holmes", "Sherlock Holmes is a detective."),
    ("style", 28, 5): _Wording("period", "Seems written under Queen Victoria", "The Victorian era is long past."),
    ("style", 29, 5): _Wording("jest", "Teases a little, as over tea", "The patient comes on Sunday."),
    ("style", 30, 1): _Wording("thurber", "Droll like Thurber", "James Thurber drew cartoons."),
    ("style", 30, 4): _Wording("kafka", "Leaves some of it unexplained, like Kafka", "Kafka's works have plots of their own."),
    ("style", 30, 5): _Wording("ballad", "Moves like a long sung poem", "The story is as old as a ballad."),
}
